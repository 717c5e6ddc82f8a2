"""A dataset's images one by one: lists of them, and small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.errors import NotFound
from app.inference.image.thumbnail import thumbnail
from app.services.datasets.curation.listing import Place, Wanted, count, cursor_behind, page, tags_of, where
from app.store.db import db
from app.store.files import Files
from app.store.tables import Image, RemovedImage

SIDE: Final = 144  # pixels of a picture in a list


@dataclass(frozen=True)
class Listed:
    """A page of images with their tags by id; `total` counts all of the list, on its first page only."""

    images: list[Image]
    tags: dict[int, list[str]]
    total: int | None
    next_cursor: str | None


class Gallery:
    """The use cases of looking at a dataset's images."""

    def __init__(self, catalog: Catalog, files: Files) -> None:
        self._catalog = catalog
        self._files = files

    def page(self, classifier: str, wanted: Wanted, place: Place) -> Listed:
        """Return the images wanted from a place on, and where the next page begins; InvalidInput for a bad cursor."""
        self._catalog[classifier]
        conditions = where(classifier, wanted)
        rows = list(db.session.scalars(page(select(Image).where(*conditions), place)).all())
        more, rows = len(rows) > place.limit, rows[: place.limit]
        return Listed(
            images=rows,
            tags=tags_of(rows),
            total=None if place.cursor else count(conditions),
            next_cursor=cursor_behind(rows[-1], place.sort) if more else None,
        )

    def image(self, classifier: str, sha256: str) -> tuple[Image, list[str]]:
        """Return an image of a dataset and its tags; NotFound when the dataset has no such image."""
        self._catalog[classifier]
        row = db.session.scalar(select(Image).where(Image.classifier == classifier, Image.sha256 == sha256))
        if row is None:
            raise _unknown(classifier, sha256)
        return row, tags_of([row])[row.id]

    def picture(self, classifier: str, sha256: str) -> bytes:
        """Return a small JPEG of a dataset's image, made once, also of one that was removed while its file is there.

        NotFound when the dataset never had such an image, or the file is gone.
        """
        known = select(Image.id).where(Image.classifier == classifier, Image.sha256 == sha256)
        if db.session.scalar(known) is None and db.session.get(RemovedImage, (classifier, sha256)) is None:
            raise _unknown(classifier, sha256)
        return self._files.derive(sha256, f"thumbnails-{SIDE}", partial(thumbnail, side=SIDE))

    def resolutions(self, classifier: str, most: int = 8) -> list[dict[str, int]]:
        """Return the most frequent sizes of the images, and how many have each."""
        size = (Image.width, Image.height)
        query = select(*size, func.count()).where(Image.classifier == classifier).group_by(*size)
        rows = db.session.execute(query.order_by(func.count().desc(), *size).limit(most))
        return [{"width": width, "height": height, "images": images} for width, height, images in rows]


def _unknown(classifier: str, sha256: str) -> NotFound:
    return NotFound(f"The dataset of {classifier} has no image {sha256!r}.")
