"""What the holder of a key may do: scopes, and the roles that name usual sets of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, get_args

from app.errors import InvalidInput

Scope = Literal["read", "predict", "review", "label", "train", "promote", "administer"]
Role = Literal["viewer", "reviewer", "trainer", "admin"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
ROLES: Final[dict[Role, tuple[Scope, ...]]] = {
    "viewer": ("read",),
    "reviewer": ("read", "predict", "review"),
    "trainer": ("read", "predict", "review", "label", "train"),
    "admin": SCOPES,
}


class Holder(NamedTuple):
    """Who holds a key: its name, and what it allows."""

    name: str
    scopes: frozenset[str]

    @property
    def role(self) -> str:
        """The role with exactly these scopes, else the scopes themselves."""
        return named(self.scopes)


def scopes_of(role: Role | None, scopes: Sequence[str]) -> tuple[Scope, ...]:
    """Return the scopes of a role, or those that are named, in order; without either, all. InvalidInput for both."""
    if role is not None and scopes:
        raise InvalidInput("Name a role or scopes, not both.")
    if unknown := set(scopes) - set(SCOPES):
        raise InvalidInput(f"There is no scope {min(unknown)!r}; there are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes) if scopes else ROLES[role or "admin"]


def named(scopes: frozenset[str]) -> str:
    """Return the role with exactly these scopes, else the scopes themselves."""
    for role, allowed in ROLES.items():
        if scopes == set(allowed):
            return role
    return ", ".join(scope for scope in SCOPES if scope in scopes)
