"""Which images of a dataset show the same: found once for each image and remembered."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from sqlalchemy import delete, select

from app.batched import batched
from app.errors import InvalidInput
from app.store.db import db
from app.store.files import Files
from app.store.tables import Compared, Image, NearDuplicate
from app.store.transaction import transaction
from app.training.audit import fingerprints
from app.training.audit.copies import Pair, find_pairs
from app.training.data.drawn import SOURCE
from app.training.progress import Progress

THREADS = 2  # decoding releases the interpreter's lock
CHUNK = 64


class Duplicates:
    """Looks at images, and compares each with those that came before it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def look(self, hashes: Sequence[str]) -> fingerprints.Fingerprints:
        """Return what each image looks like, in this thread; what was seen once is read from the disk."""
        return fingerprints.read(
            [self._files.derived(sha256, fingerprints.FORMAT, fingerprints.compute) for sha256 in hashes]
        )

    def looks(self, hashes: Sequence[str], progress: Progress) -> fingerprints.Fingerprints:
        """Do the same for many images, in several threads."""
        see = partial(self._files.derived, name=fingerprints.FORMAT, make=fingerprints.compute)
        found: list[bytes] = []
        with ThreadPoolExecutor(THREADS) as pool:
            for some in batched(hashes, CHUNK):  # what waits for a thread cannot be cancelled
                for seen in pool.map(see, some):
                    progress("looking", len(found), len(hashes))
                    found.append(seen)
        return fingerprints.read(found)

    def new(self, classifier: str, hashes: Sequence[str]) -> list[int]:
        """Return the places of the images that were not compared yet."""
        known = set(db.session.scalars(select(Compared.sha256).where(Compared.classifier == classifier)))
        return [row for row, sha256 in enumerate(hashes) if sha256 not in known]

    def pairs(self, classifier: str, hashes: Sequence[str], progress: Progress) -> list[Pair]:
        """Return the pairs of images that show the same, by their places in `hashes`: all images of the dataset."""
        if new := self.new(classifier, hashes):
            found = find_pairs(self.looks(hashes, progress), np.array(new), progress)
            with transaction():
                _remember(classifier, hashes, found)
        return self.known(classifier, hashes)

    def known(self, classifier: str, hashes: Sequence[str]) -> list[Pair]:
        """Return the pairs among `hashes` that were found before; new images are not looked at.

        Two of Fovea's own drawings are no pair: their seeds make them different, however similar their outlines are.
        """
        places = {sha256: row for row, sha256 in enumerate(hashes)}
        images = select(Image.sha256).where(Image.classifier == classifier, Image.source == SOURCE)
        drawn = set(db.session.scalars(images))
        rows = db.session.scalars(select(NearDuplicate).where(NearDuplicate.classifier == classifier))
        return [
            Pair(places[row.first], places[row.second], row.similarity, row.unmoved, row.turn, row.mirrored)
            for row in rows.all()
            if row.first in places and row.second in places and not {row.first, row.second} <= drawn
        ]


def _remember(classifier: str, hashes: Sequence[str], found: Sequence[Pair]) -> None:
    """Keep the pairs, and that all these images have been compared; another run may have come first."""
    for pair in found:
        db.session.merge(
            NearDuplicate(
                classifier=classifier, first=hashes[pair.first], second=hashes[pair.second],
                similarity=pair.similarity, unmoved=pair.unmoved, turn=pair.turn, mirrored=pair.mirrored,
            )
        )  # fmt: skip
    db.session.execute(delete(Compared).where(Compared.classifier == classifier))
    db.session.add_all(Compared(classifier=classifier, sha256=sha256) for sha256 in hashes)


def filled_dataset(classifier: str) -> Sequence[Image]:
    """Return the images of a dataset as `dataset` does; InvalidInput when there is none."""
    if rows := dataset(classifier):
        return rows
    raise nothing_yet(classifier)


def nothing_yet(classifier: str) -> InvalidInput:
    """Return the error of what needs images."""
    return InvalidInput(f"{classifier} has no images yet; add some with /api/upload or 'flask data import'.")


def dataset(classifier: str) -> Sequence[Image]:
    """Return the images of a dataset in the order of their arrival."""
    return db.session.scalars(select(Image).where(Image.classifier == classifier).order_by(Image.id)).all()
