"""The configured classifiers: built-in files, the user's own files, and those made while the service runs."""

from __future__ import annotations

import time
from collections.abc import Collection, ItemsView, Iterator, Mapping, ValuesView
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import yaml
from pydantic import ValidationError

from app.classifiers.spec import ClassifierSpec
from app.errors import ConfigError, NotFound
from app.faults import sentence

BUILTIN = Path(__file__).parent / "builtin"
DEFAULT = "eye_diseases"
LOOK_SECONDS: Final = 0.5  # how long a change by another process may go unnoticed
Source = Literal["builtin", "file", "stored"]


class Stored(Protocol):
    """Where the classifiers are kept that were made while the service ran."""

    def revisions(self) -> dict[str, str] | None:
        """Return the revision of each classifier by name; None where nobody can look now."""

    def read(self, names: Collection[str]) -> dict[str, ClassifierSpec]:
        """Return the specs of those names that can be used."""


class Known(NamedTuple):
    """The classifiers that a process knows, and the revisions of the stored ones; replaced as one, never changed."""

    specs: dict[str, ClassifierSpec]
    revisions: dict[str, str]


class Catalog(Mapping[str, ClassifierSpec]):
    """The configured classifiers by name; looking up an unknown one raises NotFound with the known names.

    The files are read once. What is stored is looked at again every LOOK_SECONDS, and at once for an unknown name.
    """

    def __init__(self, own: Path | None = None, default: str = "", stored: Stored | None = None) -> None:
        """Read the built-in files, then those in `own`, which may replace a built-in one of the same name.

        `default` names the one that calls mean which name none; ConfigError when there is no such classifier.
        """
        self._sources: dict[str, Source] = {}
        self._files: dict[str, ClassifierSpec] = {}
        self._read_files(BUILTIN, "builtin")
        if own is not None:
            self._read_files(own, "file")
        self._known = Known(self._files, {})
        self._stored = stored
        self._looked = float("-inf")
        if default and default not in self._files:
            self.refresh()
            if default not in self._specs:
                known = ", ".join(self._specs)
                raise ConfigError(f"The setting DEFAULT_CLASSIFIER={default!r} is not valid: choose one of {known}.")
        self._default = default

    @property
    def default(self) -> str:
        """The classifier that calls mean which name none: the one set, else the only one, else DEFAULT."""
        return self._default or (next(iter(self)) if len(self) == 1 else DEFAULT)

    def source(self, name: str) -> Source:
        """Say where a classifier comes from: a built-in file, one of the user's own, or it is stored."""
        return self._sources.get(name, "stored")

    def files(self) -> ValuesView[ClassifierSpec]:
        """The classifiers of the files, which are there before any database."""
        return self._files.values()

    def refresh(self) -> None:
        """Take over what is stored now."""
        self._looked = time.monotonic()  # meanwhile the others go on with what is known
        revisions = None if self._stored is None else self._stored.revisions()
        before = self._known
        if self._stored is None or revisions is None or revisions == before.revisions:
            return
        changed = {name for name, revision in revisions.items() if before.revisions.get(name) != revision}
        specs = {name: spec for name, spec in before.specs.items() if name in revisions.keys() - changed}
        specs |= self._stored.read(changed)
        own = {name: specs[name] for name in revisions if name in specs.keys() - self._files.keys()}
        self._known = Known(self._files | own, revisions)

    @property
    def _specs(self) -> dict[str, ClassifierSpec]:
        return self._known.specs

    def __getitem__(self, name: str) -> ClassifierSpec:
        self._look()
        if name not in self._specs:
            self.refresh()
        try:
            return self._specs[name]
        except KeyError:
            known = ", ".join(self._specs)
            raise NotFound(f"There is no classifier {name!r}; choose one of: {known}.") from None

    def __iter__(self) -> Iterator[str]:
        self._look()
        return iter(self._specs)

    def items(self) -> ItemsView[str, ClassifierSpec]:
        """The names and specs as they are now: one that goes meanwhile is still among them."""
        self._look()
        return self._specs.items()

    def values(self) -> ValuesView[ClassifierSpec]:
        """The specs as they are now."""
        self._look()
        return self._specs.values()

    def __len__(self) -> int:
        self._look()
        return len(self._specs)

    def __contains__(self, name: object) -> bool:
        self._look()
        return name in self._specs

    def _look(self) -> None:
        """Look at what is stored, unless this process has just done so."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self.refresh()

    def _read_files(self, folder: Path, source: Source) -> None:
        for path in sorted(folder.glob("*.y*ml")):
            spec = read_spec(path)
            self._files[spec.name], self._sources[spec.name] = spec, source


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
