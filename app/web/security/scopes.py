"""What each call needs: the scope that the key of its caller must have."""

from __future__ import annotations

from typing import Final

from flask import g

from app.errors import Forbidden
from app.services.operations.roles import Holder, Scope

# Calls that change or compute something. Whatever only shows something needs the scope "read".
NEEDED: Final[dict[str, Scope]] = {
    "predict.predict": "predict",
    "bulk.bulk_predict": "predict",
    "jobs.cancel_job": "read",  # and what the job's kind needs, see below
    "jobs.retry_job": "read",
    "predictions.feedback": "review",
    "predictions.withdraw": "review",
    "predictions.review": "review",
    "predictions.withdraw_review": "review",
    "predictions.accept": "label",
    "data.upload": "label",
    "data.preview": "label",
    "data.start_audit": "label",
    "images.change": "label",
    "images.change_many": "label",
    "images.remove": "label",
    "images.remove_many": "label",
    "images.undo": "label",
    "jobs.retrain": "train",
    "classifiers.create": "train",  # a spec settles what a training makes and how its answers are decided
    "classifiers.edit": "train",
    "classifiers.propose": "train",
    "classifiers.delete": "administer",
    "models.promote": "promote",
    "models.rollback": "promote",
    "models.direct": "promote",
    "models.remove": "administer",
}
NEEDED_BY_KIND: Final[dict[str, Scope]] = {
    "bulk_predict": "predict",
    "audit": "label",
    "upload": "label",
    "retrain": "train",
}
READING: Final = ("GET", "HEAD", "OPTIONS")


def needed(endpoint: str, method: str) -> Scope:
    """Return the scope that a call needs; what is not in the table needs all that an administrator has."""
    return "read" if method in READING else NEEDED.get(endpoint, "administer")


def holder() -> Holder | None:
    """Return who holds the key of the present request; None where none is asked for."""
    found: Holder | None = g.get("holder")
    return found


def require(scope: Scope) -> None:
    """Raise Forbidden unless the key of the present request has the scope; without keys, all may do all."""
    found = holder()
    if found is not None and scope not in found.scopes:
        raise Forbidden(
            f"The key {found.name!r} ({found.role}) may not do this: it lacks the scope {scope!r}."
            " An administrator can make another one with 'flask keys create'."
        )
