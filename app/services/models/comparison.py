"""What a model version answers for each of its test images, to look at its mistakes and to compare versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import select

from app.classifiers.card import Card
from app.classifiers.catalog import Catalog
from app.errors import NotFound
from app.services.datasets.versions import DatasetVersions
from app.services.serving.loaded_models import Serving
from app.store.db import db
from app.store.files import Files
from app.store.registry import Registry
from app.store.tables import Image

Json = dict[str, Any]
KEPT: Final = ("predicted_class", "confidence", "probabilities", "decision")


class Shown(NamedTuple):
    """A test image: its content, what it is called and what it shows."""

    sha256: str
    label: str
    file: str


class ImageComparison:
    """Asks versions about test images, each image once: the answers are kept."""

    def __init__(
        self, catalog: Catalog, registry: Registry, files: Files, versions: DatasetVersions, serving: Serving
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._files = files
        self._versions = versions
        self._serving = serving

    def answers(self, classifier: str, version: int, against: int | None, offset: int, limit: int) -> Json:
        """Return `limit` of the test images with the version's answers, and with another version's as `other`.

        `own` says whether these are the images that the version was tested on, or, where those are not known here,
        the present test images.
        """
        self._catalog[classifier]
        asked = {"answer": version} | ({} if against is None else {"other": against})
        cards = {name: self._registry.card(classifier, number) for name, number in asked.items()}
        own, shown = self._test_images(classifier, cards["answer"].data.sha256)
        rows = [
            each._asdict()
            | {name: self._answer(classifier, asked[name], card, each.sha256) for name, card in cards.items()}
            for each in shown[offset : offset + limit]
        ]
        return {"total": len(shown), "own": own, "answers": rows}

    def _test_images(self, classifier: str, data: str) -> tuple[bool, Sequence[Shown]]:
        """The test images of a dataset version, where it is known, else of today's division."""
        query = select(Image.sha256, Image.filename).where(Image.classifier == classifier)
        names = {row[0]: row[1] for row in db.session.execute(query)}
        try:
            rows = self._versions.get(classifier, data)["manifest"]
            own, found = True, [(row["sha256"], row["label"]) for row in rows if row["split"] == "test"]
        except NotFound:
            samples = self._versions.preview(classifier).samples
            own, found = False, [(each.sha256, each.label) for each in samples if each.split == "test"]
        return own, [Shown(sha256, label, names[sha256]) for sha256, label in found if sha256 in names]

    def _answer(self, classifier: str, version: int, card: Card, sha256: str) -> Json:
        """Answer one image as the version serves; each is queued alone, so that predictions go between them."""
        name = f"answers-{classifier}-{version}-{card.created_at:%Y%m%dT%H%M%S}"

        def ask(image: bytes) -> bytes:
            return orjson.dumps(_brief(self._serving.load(classifier, version).predict(image)))

        found: Json = orjson.loads(self._files.derive(sha256, name, ask))
        return found


def _brief(answer: Any) -> Json:  # noqa: ANN401 - a Prediction of app.inference
    return {name: getattr(answer, name) for name in KEPT}
