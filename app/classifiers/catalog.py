"""Reads the YAML files: the built-in ones beside this module and the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from app.classifiers.spec import ClassifierSpec
from app.errors import ConfigError, NotFound
from app.faults import sentence

BUILTIN = Path(__file__).parent / "builtin"
DEFAULT = "eye_diseases"


class Catalog(Mapping[str, ClassifierSpec]):
    """The configured classifiers by name; looking up an unknown one raises NotFound with the known names."""

    def __init__(self, own: Path | None = None, default: str = "") -> None:
        """Read the built-in files, then those in `own`, which may replace a built-in one of the same name.

        `default` names the one that calls mean which name none; ConfigError when there is no such classifier.
        """
        folders = [BUILTIN] if own is None else [BUILTIN, own]
        specs = [read_spec(path) for folder in folders for path in sorted(folder.glob("*.y*ml"))]
        self._specs = {spec.name: spec for spec in specs}
        if default and default not in self._specs:
            known = ", ".join(self._specs)
            raise ConfigError(f"The setting DEFAULT_CLASSIFIER={default!r} is not valid: choose one of {known}.")
        self._default = default

    @property
    def default(self) -> str:
        """The classifier that calls mean which name none: the one set, else the only one, else DEFAULT."""
        return self._default or (next(iter(self)) if len(self) == 1 else DEFAULT)

    def __getitem__(self, name: str) -> ClassifierSpec:
        try:
            return self._specs[name]
        except KeyError:
            known = ", ".join(self._specs)
            raise NotFound(f"There is no classifier {name!r}; choose one of: {known}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, name: object) -> bool:
        return name in self._specs


def read_spec(path: Path) -> ClassifierSpec:
    """Read and validate one YAML file; ConfigError names the file and the field."""
    try:
        spec = ClassifierSpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConfigError(f"{path}: {sentence(error)}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}.") from error
    if spec.name != path.stem:
        raise ConfigError(f"{path}: name: the name {spec.name!r} must equal the file name without {path.suffix}.")
    return spec
