"""Types of columns that several tables have."""

from __future__ import annotations

from sqlalchemy import String

Id = String(32)
Sha256 = String(64)
Name = String(40)
