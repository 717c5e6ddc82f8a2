"""Turns what somebody sends into a classifier's spec, whole or a change of one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from app.classifiers.spec import ClassifierSpec
from app.drawing import check_subject
from app.errors import InvalidInput
from app.faults import sentence
from app.training.networks.backbones import get_backbone

RESERVED: Final = ("all",)  # stands for every classifier in calls
TITLE, DESCRIPTION, PATTERN = 120, 2000, 200  # characters at most
TOLD_CLASSES: Final = 5  # a description names no more
PRETRAINED: Final = "mobilenet"  # learns from a few dozen images; used where its weights are
# A pattern that runs on file names must not run for ever: repeated groups and many repeats can.
_REPEATED_GROUP: Final = re.compile(r"\)[*+{]")
_REPEAT: Final = re.compile(r"(?<!\\)[*+{]")
MAX_REPEATS: Final = 3
# Sections that a change names in part; all other fields are replaced.
_SECTIONS: Final = ("data", "preprocessing", "training", "promotion")


def spec_of(given: Mapping[str, Any], weights_dir: Path | None) -> ClassifierSpec:
    """Return the spec of the fields that a YAML file has; titles and a description are made where they are left out.

    A class may be its name alone. InvalidInput names the field that is wrong.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    if isinstance(fields.get("classes"), list):
        fields["classes"] = [_class(each) for each in fields["classes"]]
    fields.setdefault("title", _title(fields.get("name")))
    fields.setdefault("description", _description(fields.get("classes")))
    fields.setdefault("training", {"pretrained": PRETRAINED})
    return _checked(fields, weights_dir)


def changed(spec: ClassifierSpec, changes: Mapping[str, Any], weights_dir: Path | None) -> ClassifierSpec:
    """Return the spec with changes, as a JSON merge patch (RFC 7396) has them: null means the default again.

    Sections such as `training` may be named in part. InvalidInput names the field that is wrong.
    """
    if changes.get("name", spec.name) != spec.name:
        raise InvalidInput("name: cannot be changed, since images and models are kept under it; change the title.")
    fields = spec.model_dump(mode="json", exclude_defaults=True)
    for name, value in changes.items():
        if name in _SECTIONS and isinstance(value, dict):
            value = _merged(fields.get(name, {}), value)  # noqa: PLW2901 - the same value, completed
        if isinstance(value, list) and name == "classes":
            known = {each["name"]: each for each in fields["classes"]}
            value = [_class(each, known) for each in value]  # noqa: PLW2901 - as above
        fields[name] = value
    return _checked({name: value for name, value in fields.items() if value is not None}, weights_dir)


def stored_form(spec: ClassifierSpec) -> dict[str, Any]:
    """Return the spec as it is kept and written to YAML: without the defaults."""
    return spec.model_dump(mode="json", exclude_defaults=True)


def check_names(spec: ClassifierSpec, weights_dir: Path | None) -> None:
    """InvalidInput or NotFound when a spec names a backbone or a drawing that there is not."""
    for backbone in filter(None, (spec.training.backbone, spec.training.pretrained)):
        get_backbone(backbone, weights_dir)
    for subject in filter(None, (each.drawing for each in spec.classes)):
        check_subject(subject)


def _checked(fields: dict[str, Any], weights_dir: Path | None) -> ClassifierSpec:
    _check_text(fields)
    try:
        spec = ClassifierSpec.model_validate(fields)
    except ValidationError as error:
        raise InvalidInput(sentence(error)) from error
    if spec.name in RESERVED:
        raise InvalidInput(f"name: {spec.name!r} means every classifier; choose another name.")
    lengths = [("title", spec.title, TITLE), ("description", spec.description, DESCRIPTION)]
    lengths += [(f"classes: the title of {each.name}", each.title, TITLE) for each in spec.classes]
    for field, text, most in lengths:
        if not text.strip() or len(text) > most:
            raise InvalidInput(f"{field}: must have 1 to {most} characters.")
    _check_pattern(spec.data.group_pattern or "")
    check_names(spec, weights_dir)
    return spec


def _check_text(fields: dict[str, Any]) -> None:
    """InvalidInput when a text holds what no database keeps: a NUL, or half of a character."""
    text = json.dumps(fields, ensure_ascii=False, default=str)
    if "\\u0000" in text or text != text.encode(errors="replace").decode():
        raise InvalidInput("A text holds a character that cannot be kept; write it without.")


def _check_pattern(pattern: str) -> None:
    if len(pattern) > PATTERN or _REPEATED_GROUP.search(pattern) or len(_REPEAT.findall(pattern)) > MAX_REPEATS:
        raise InvalidInput(
            f"data.group_pattern: may have {PATTERN} characters and {MAX_REPEATS} repeats (* + {{), none of a group;"
            " one that is more complicated needs a file in CLASSIFIERS_DIR."
        )


def _merged(old: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **changes}.items() if value is not None}


def _class(given: Any, known: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - whatever came
    """Return a class with all its fields: it may be its name alone, or keep a title that it has."""
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict):
        return given
    before = (known or {}).get(str(given.get("name")), {})
    return {"title": _title(given.get("name")), **before, **given}


def _title(name: Any) -> str:  # noqa: ANN401 - whatever came
    return str(name or "").replace("_", " ").strip().capitalize()


def _description(classes: Any) -> str:  # noqa: ANN401 - whatever came
    if not isinstance(classes, list):
        return ""
    titles = [str(each.get("title")) for each in classes if isinstance(each, dict)]
    if len(titles) > TOLD_CLASSES:
        return f"Tells {len(titles)} classes apart."
    return f"Tells {', '.join(titles[:-1])} and {titles[-1]} apart." if len(titles) > 1 else ""
