"""The table of the classifiers that people made while the service ran."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from app.store.db import Base, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name


class StoredClassifier(Base):
    """A classifier that is in no YAML file. `spec` leaves out the defaults; `revision` is another after each change."""

    __tablename__ = "classifiers"

    name: Mapped[str] = mapped_column(Name, primary_key=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    revision: Mapped[str] = mapped_column(Id, default=new_id, onupdate=new_id)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
