"""A dataset's images one by one: lists of them, and small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import func, select

from app.classifiers.catalog import Catalog
from app.errors import NotFound
from app.inference.image.thumbnail import thumbnail
from app.store.db import db
from app.store.files import Files
from app.store.tables import Image

SIDE: Final = 144  # pixels of a picture in a list


class Gallery:
    """The use cases of looking at a dataset's images."""

    def __init__(self, catalog: Catalog, files: Files) -> None:
        self._catalog = catalog
        self._files = files

    def images(self, classifier: str, label: str | None, offset: int, limit: int) -> tuple[int, Sequence[Image]]:
        """Return how many images there are, of one class or of all, and some of them, the newest first."""
        self._catalog[classifier]
        where = [Image.classifier == classifier, *([] if label is None else [Image.label == label])]
        total = db.session.scalars(select(func.count()).select_from(Image).where(*where)).one()
        query = select(Image).where(*where).order_by(Image.id.desc()).offset(offset).limit(limit)
        return total, db.session.scalars(query).all()

    def picture(self, classifier: str, sha256: str) -> bytes:
        """Return a small JPEG of a dataset's image, made once; NotFound when the dataset has no such image."""
        known = select(Image.id).where(Image.classifier == classifier, Image.sha256 == sha256)
        if db.session.scalar(known) is None:
            raise NotFound(f"The dataset of {classifier} has no image {sha256!r}.")
        return self._files.derive(sha256, f"thumbnails-{SIDE}", partial(thumbnail, side=SIDE))

    def resolutions(self, classifier: str, most: int = 8) -> list[dict[str, int]]:
        """Return the most frequent sizes of the images, and how many have each."""
        size = (Image.width, Image.height)
        query = select(*size, func.count()).where(Image.classifier == classifier).group_by(*size)
        rows = db.session.execute(query.order_by(func.count().desc(), *size).limit(most))
        return [{"width": width, "height": height, "images": count} for width, height, count in rows]
