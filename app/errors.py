"""Domain errors. Each message is one sentence that says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class FoveaError(Exception):
    """Base of every error that Fovea raises on purpose; `str(error)` is fit for a user to read."""


class InvalidInput(FoveaError):
    """What the caller sent cannot be used."""


class UnsupportedMedia(InvalidInput):
    """The bytes are not an image of a format that Fovea reads."""


class TooLarge(InvalidInput):
    """More bytes, pixels, files or characters than a limit allows."""


class NothingUsable(InvalidInput):
    """None of the files sent can be used; `rejected` has the name of each and the reason."""

    def __init__(self, message: str, rejected: Sequence[Mapping[str, str]]) -> None:
        super().__init__(message)
        self.rejected = rejected


class Unauthorized(FoveaError):
    """The caller did not say who they are, or not truly."""


class Forbidden(FoveaError):
    """The caller is known, and may not do this."""


class NotFound(FoveaError):
    """There is no such classifier, version, job, prediction or file."""


class Conflict(FoveaError):
    """The thing exists but is not in a state that allows this."""


class Unavailable(FoveaError):
    """It cannot be done now; the same call may work later."""


class Damaged(Unavailable):
    """What is stored is not whole; only putting it back or removing it helps."""


class ConfigError(FoveaError):
    """A setting or a classifier file is wrong; the message names it."""


class Cancelled(FoveaError):
    """The job was cancelled while it ran; raised by progress callbacks to unwind the work."""


class Enough(Cancelled):
    """The job was cancelled, and what it has so far is to be kept: training ends here, with its best epoch."""
