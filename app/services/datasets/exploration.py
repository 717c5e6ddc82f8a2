"""Exploring a dataset: its numbers, its colours, samples of each class and how training varies them."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader

from app.classifiers.catalog import Catalog
from app.classifiers.spec import ClassifierSpec
from app.config import CHECKOUT
from app.inference.arrays import Floats, Pixels
from app.inference.image.decode import decode
from app.inference.image.preprocess import preprocess
from app.runners import Run
from app.services.datasets.duplicates import Duplicates, filled_dataset
from app.services.datasets.versions import DatasetVersions
from app.store.files import Files
from app.store.tables import Image
from app.training.audit.fingerprints import FACTS, Fingerprints
from app.training.data.augmentation import vary

MEASURES: Final = {"width": 0, "height": 0, "aspect": 2, "bytes_per_pixel": 3, "border": 3, "red": 1, "green": 1,
                   "blue": 1, "contrast": 1, "sharpness": 3}  # fmt: skip
BINS: Final = 12
SAMPLES: Final = 8  # of each class
MEASURED: Final = 1000
VARIANTS: Final = 8
SIDE: Final = 96
SEED: Final = 7


class Exploration:
    """The exploration's use cases."""

    def __init__(self, catalog: Catalog, files: Files, duplicates: Duplicates, versions: DatasetVersions,
                 run_cpu_bound: Run) -> None:  # fmt: skip
        self._run_cpu_bound = run_cpu_bound
        self._versions = versions
        self._catalog = catalog
        self._files = files
        self._duplicates = duplicates
        self._pages = Environment(loader=FileSystemLoader(CHECKOUT / "templates"), autoescape=True)

    def figures(self, classifier: str) -> dict[str, Any]:
        """Return the figures, `measures` of at most MEASURED images; pictures are JPEG data URLs.

        InvalidInput when there is no image.
        """
        spec = self._catalog[classifier]
        rows = filled_dataset(classifier)
        divided = self._versions.preview(classifier)
        sizes = Counter(f"{row.width} x {row.height}" for row in rows)
        chosen = {name: _spread([row for row in rows if row.label == name]) for name in spec.class_names}
        return {
            "classifier": classifier,
            "images": len(rows),
            "counts": divided.counts,
            "left_out": len(divided.left_out),
            "sources": dict(Counter(row.source for row in rows)),
            "resolutions": dict(sizes.most_common(BINS)),
            **self._run_cpu_bound(lambda: self._pictures(spec, chosen, _spread(rows, MEASURED))),
        }

    def page(self, classifier: str, audit: dict[str, Any]) -> str:
        """Return the figures and the audit as one HTML page that needs nothing else."""
        found = self.figures(classifier)
        return self._pages.get_template("dataset_report.html").render(
            found=found, audit=audit, spec=self._catalog[classifier]
        )

    def _pictures(
        self, spec: ClassifierSpec, chosen: dict[str, list[Image]], measured: Sequence[Image]
    ) -> dict[str, Any]:
        """What needs a look at the images, without the database: it may run in another thread."""
        return {
            "measures": _measures(spec, measured, self._duplicates.look([row.sha256 for row in measured])),
            "samples": {name: [self._sample(spec, row) for row in some] for name, some in chosen.items()},
            "augmentation": self._augmentation(spec, measured[0]),
        }

    def _square(self, spec: ClassifierSpec, row: Image) -> Pixels:
        sized = spec.preprocessing.model_copy(update={"size": SIDE})
        return preprocess(decode(self._files.read(row.sha256), min_side=SIDE).pixels, sized)

    def _sample(self, spec: ClassifierSpec, row: Image) -> dict[str, str]:
        return {"file": row.filename, "image": _data_url(self._square(spec, row))}

    def _augmentation(self, spec: ClassifierSpec, row: Image) -> list[str]:
        """One image as it is, and as training may vary it."""
        square, random = self._square(spec, row), np.random.default_rng(SEED)
        return [_data_url(square), *(_data_url(vary(square, spec.training, random)) for _ in range(VARIANTS - 1))]


def _spread(rows: Sequence[Image], most: int = SAMPLES) -> list[Image]:
    """At most so many of the rows, evenly spread, so that they do not all come from one upload."""
    return [rows[place] for place in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def _measures(spec: ClassifierSpec, rows: Sequence[Image], seen: Fingerprints) -> dict[str, Any]:
    """For each measure, its histogram of each class over shared edges, and the class's median."""
    labels = np.array([row.label for row in rows])
    found = {}
    for name, digits in MEASURES.items():
        values = seen["facts"][:, FACTS.index(name)].astype(float)
        edges = np.histogram_bin_edges(values, BINS)
        found[name] = {
            "edges": [round(float(edge), 4) for edge in edges],
            "classes": {label: _of_class(values[labels == label], edges, digits) for label in spec.class_names},
        }
    return found


def _of_class(values: Floats, edges: Floats, digits: int) -> dict[str, Any]:
    median = round(float(np.median(values)), digits) if len(values) else None
    return {"counts": np.histogram(values, edges)[0].tolist(), "median": median}


def _data_url(square: Pixels) -> str:
    data = cv2.imencode(".jpg", cv2.cvtColor(square, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 85))[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
