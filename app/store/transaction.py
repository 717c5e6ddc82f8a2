"""The unit of work: whoever opens one owns the transaction, and what must follow the commit hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import func, select

from app.store.db import db

_OPEN: Final = "fovea_unit_of_work"  # where a session keeps the unit that is open on it


class UnitOfWork:
    """One transaction of the present session, and what is to be done once it is committed."""

    def __init__(self) -> None:
        self.following: list[Callable[[], object]] = []
        self.broken = False

    def after_commit(self, call: Callable[[], object]) -> None:
        """Call this after the commit, in the order of asking; never, if there is none.

        It runs outside the transaction and may open another. What it raises is raised to the caller of the unit.
        """
        self.following.append(call)

    def lock(self, name: str) -> None:
        """Let no other transaction that asks for this name read or write until this one ends; what was read is stale.

        A change that depends on what it has read takes the lock before it reads. SQLite has one lock for all writers.
        """
        session = db.session()
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(name))))
        elif not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        session.expire_all()

    def check(self) -> None:
        """Raise RuntimeError if a part of the transaction failed."""
        if self.broken:
            raise RuntimeError("A part of this transaction failed, so none of it can be kept.")


@contextmanager
def transaction() -> Iterator[UnitOfWork]:
    """Do the block in one transaction: it is committed at the outermost end, or rolled back if the block raises.

    A nested block joins the outer one. If an error leaves it, the whole transaction is lost, even where the outer block
    catches the error: RuntimeError then at the outermost end.
    """
    session = db.session()
    outer: UnitOfWork | None = session.info.get(_OPEN)
    if outer is not None:
        with _joined(outer):
            yield outer
        return
    unit = session.info[_OPEN] = UnitOfWork()
    try:
        yield unit
        unit.check()
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.info[_OPEN]
    for call in unit.following:
        call()


@contextmanager
def _joined(unit: UnitOfWork) -> Iterator[None]:
    try:
        yield
    except BaseException:
        unit.broken = True
        raise


def release_connection() -> None:
    """End what was read: the session holds neither a connection nor a snapshot until its next statement.

    For whoever computes or waits for long. RuntimeError inside a transaction, whose changes would be lost.
    """
    session = db.session()
    if _OPEN in session.info:
        raise RuntimeError("A transaction is open here; what takes long must not hold it.")
    session.rollback()
