"""Exploring a dataset: its numbers, its colours, samples of each class and how training varies them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from sqlalchemy import ColumnElement, func, select

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.inference.arrays import Floats, Pixels
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from app.runners import Background
from app.services.datasets.duplicates import Duplicates, nothing_yet
from app.services.datasets.revision import PerRevision
from app.services.datasets.versions import DatasetVersions
from app.store.db import db
from app.store.files import Files
from app.store.tables import Image
from app.store.transaction import release_connection
from app.training.audit.fingerprints import FACTS, Fingerprints
from app.training.data.augmentation import vary

MEASURES: Final = {"width": 0, "height": 0, "aspect": 2, "bytes_per_pixel": 3, "border": 3, "brightness": 1, "red": 1,
                   "green": 1, "blue": 1, "contrast": 1, "sharpness": 3}  # fmt: skip
BINS: Final = 12
LUMA: Final = {"red": 0.299, "green": 0.587, "blue": 0.114}
SAMPLES: Final = 8  # of each class, at most, and
PICTURES: Final = 200  # of all
MEASURED: Final = 400  # images, of however many
VARIANTS: Final = 8
SIDE: Final = 96
SEED: Final = 7


class _Row(NamedTuple):
    """What is needed of an image."""

    sha256: str
    filename: str
    label: str


class Exploration:
    """The exploration's use cases. The images are looked at with `spare` processor time: no prediction waits for it."""

    def __init__(self, catalog: Catalog, files: Files, duplicates: Duplicates, versions: DatasetVersions,
                 spare: Background) -> None:  # fmt: skip
        self._spare = spare
        self._versions = versions
        self._catalog = catalog
        self._files = files
        self._duplicates = duplicates
        self._kept: PerRevision[dict[str, Any]] = PerRevision()
        self._one = Lock()

    def figures(self, classifier: str) -> dict[str, Any]:
        """Return the figures, computed once for each revision of the dataset; pictures are JPEG data URLs.

        `measures` are those of at most MEASURED images, spread evenly over the dataset, `measured` says of how many.
        InvalidInput when there is no image.
        """
        spec = self._catalog[classifier]
        with self._one:  # who asks meanwhile gets the same
            return self._kept.get(spec, lambda: self._figures(spec))

    def _figures(self, spec: ClassifierSpec) -> dict[str, Any]:
        mine = Image.classifier == spec.name
        measured = _spread(mine, MEASURED)
        if not measured:
            raise nothing_yet(spec.name)
        samples = _spread(mine, max(1, min(SAMPLES, PICTURES // len(spec.classes))), Image.label)
        chosen = {name: [row for row in samples if row.label == name] for name in spec.class_names}
        divided, size = self._versions.counts(spec.name), (Image.width, Image.height)
        sizes = select(*size, func.count()).where(mine).group_by(*size).order_by(func.count().desc(), *size).limit(BINS)
        sources = select(Image.source, func.count()).where(mine).group_by(Image.source)
        found = {
            "classifier": spec.name,
            "images": db.session.scalar(select(func.count()).where(mine)),
            "measured": len(measured),
            "counts": divided.counts,
            "left_out": divided.left_out,
            "sources": {row[0]: row[1] for row in db.session.execute(sources)},
            "resolutions": {f"{width} x {height}": count for width, height, count in db.session.execute(sizes)},
        }
        release_connection()  # nothing is held while images are looked at
        return found | self._beside(partial(self._pictures, spec, chosen, measured))

    def _beside(self, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Wait for `compute`, which runs where no prediction does."""
        ended: list[dict[str, Any] | Exception] = []

        def caught() -> dict[str, Any] | Exception:
            try:
                return compute()
            except Exception as error:  # noqa: BLE001 - raised again below
                return error

        self._spare(caught, ended.append, spare=True)()
        if isinstance(ended[0], Exception):
            raise ended[0]
        return ended[0]

    def _pictures(
        self, spec: ClassifierSpec, chosen: dict[str, list[_Row]], measured: Sequence[_Row]
    ) -> dict[str, Any]:
        """What needs a look at the images, without the database: it may run in another thread."""
        return {
            "measures": _measures(spec, measured, self._duplicates.look([row.sha256 for row in measured])),
            "samples": {name: [self._sample(spec, row) for row in some] for name, some in chosen.items()},
            "augmentation": self._augmentation(spec, measured[0]),
        }

    def _square(self, spec: ClassifierSpec, row: _Row) -> Pixels:
        sized = spec.preprocessing.model_copy(update={"size": SIDE})
        return preprocess(decode(self._files.read(row.sha256), min_side=SIDE).pixels, sized)

    def _sample(self, spec: ClassifierSpec, row: _Row) -> dict[str, str]:
        return {"file": row.filename, "image": _data_url(self._square(spec, row))}

    def _augmentation(self, spec: ClassifierSpec, row: _Row) -> list[str]:
        """One image as it is, and as training may vary it."""
        square, random = self._square(spec, row), np.random.default_rng(SEED)
        return [_data_url(square), *(_data_url(vary(square, spec.training, random)) for _ in range(VARIANTS - 1))]


def _spread(mine: ColumnElement[bool], most: int, *by: Any) -> list[_Row]:  # noqa: ANN401 - columns
    """At most so many images, or so many `by` these columns, evenly spread: they do not all come from one upload."""
    rank = func.row_number().over(partition_by=by, order_by=Image.id) - 1
    number = func.count().over(partition_by=by)
    ranked = select(Image, rank.label("rank"), number.label("number")).where(mine).subquery().c
    query = select(ranked.sha256, ranked.filename, ranked.label).where(ranked.rank * most % ranked.number < most)
    return [_Row(*row) for row in db.session.execute(query.order_by(ranked.id))]


def _measures(spec: ClassifierSpec, rows: Sequence[_Row], seen: Fingerprints) -> dict[str, Any]:
    """For each measure, its histogram of each class over shared edges, and the class's median."""
    labels = np.array([row.label for row in rows])
    found = {}
    for name, digits in MEASURES.items():
        values = _values(seen, name)
        edges = np.histogram_bin_edges(values, BINS)
        found[name] = {
            "edges": [round(float(edge), 4) for edge in edges],
            "classes": {label: _of_class(values[labels == label], edges, digits) for label in spec.class_names},
        }
    return found


def _values(seen: Fingerprints, name: str) -> Floats:
    """A measure (n,) of the images; `brightness` is the luma of ITU-R BT.601."""
    if name == "brightness":
        return np.asarray(sum(weight * _values(seen, colour) for colour, weight in LUMA.items()))
    return np.asarray(seen["facts"][:, FACTS.index(name)].astype(float))


def _of_class(values: Floats, edges: Floats, digits: int) -> dict[str, Any]:
    median = round(float(np.median(values)), digits) if len(values) else None
    return {"counts": np.histogram(values, edges)[0].tolist(), "median": median}


def _data_url(square: Pixels) -> str:
    data = cv2.imencode(".jpg", cv2.cvtColor(square, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
