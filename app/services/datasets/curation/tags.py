"""Tags: short words that people give images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.errors import InvalidInput

MOST: Final = 20  # of one image
TAG: Final = re.compile(r"\w[\w .:/+-]{0,39}")


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Return tags as they are kept: in lower case, each once; InvalidInput for one that is none."""
    found = [tag.strip().lower() for tag in tags]
    for tag in found:
        if not TAG.fullmatch(tag):
            raise InvalidInput(
                f"{tag[:60]!r} is no tag; a tag has 1 to 40 letters, digits, blanks or . : / + - _, and begins with a"
                " letter or digit."
            )
    return sorted(set(found))


def tagged(
    present: Sequence[str], tags: Sequence[str] | None, added: Sequence[str], removed: Sequence[str]
) -> list[str]:
    """Return the tags of an image after a change; InvalidInput where they would be more than MOST."""
    found = set(present if tags is None else tags) - set(removed) | set(added)
    if len(found) > MOST:
        raise InvalidInput(f"An image may have {MOST} tags, and one would have {len(found)}.")
    return sorted(found)
