"""Reads the classifiers that people made while the service ran; every process and machine sees the same ones."""

from __future__ import annotations

import logging
from collections.abc import Collection

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.classifiers.spec import ClassifierSpec
from app.faults import sentence
from app.store.db import db
from app.store.tables import StoredClassifier

log = logging.getLogger(__name__)


class StoredSpecs:
    """What a catalog asks for.

    It looks through a connection of its own: the session may stand at an older moment, and nothing of it may end here.
    """

    def revisions(self) -> dict[str, str] | None:
        """Return the revision of each classifier, the oldest first.

        None outside an application context, and where there is no database or no table yet: whoever asks for more than
        the catalog is told then.
        """
        query = select(StoredClassifier.name, StoredClassifier.revision)
        try:
            with db.engine.connect() as connection:
                found = connection.execute(query.order_by(StoredClassifier.created_at, StoredClassifier.name))
                return {row.name: row.revision for row in found}
        except (RuntimeError, SQLAlchemyError):  # Flask-SQLAlchemy raises the first where there is no application
            return None

    def read(self, names: Collection[str]) -> dict[str, ClassifierSpec]:
        """Return the specs of these names; one that this version of Fovea cannot read is logged and left out."""
        query = select(StoredClassifier.name, StoredClassifier.spec).where(StoredClassifier.name.in_(names))
        specs: dict[str, ClassifierSpec] = {}
        with db.engine.connect() as connection:
            for row in connection.execute(query):
                try:
                    specs[row.name] = ClassifierSpec.model_validate(row.spec)
                except ValidationError as error:
                    log.error("The classifier %s in the database cannot be used: %s", row.name, sentence(error))  # noqa: TRY400 - one line
        return specs
