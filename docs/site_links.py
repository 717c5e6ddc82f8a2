"""A hook of MkDocs: what a page links to outside of docs/ is on a code host, not on the site, which names its path."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).parent
LINK: Final = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:  # noqa: ANN401 - MkDocs' own, untyped
    """Turn links that leave docs/ into their text and the path in the checkout."""
    folder = (DOCS / page.file.src_uri).parent

    def named(link: re.Match[str]) -> str:
        text, target = link[1], (folder / link[2]).resolve()
        if target.is_relative_to(DOCS):
            return link[0]
        path = f"`{target.relative_to(DOCS.parent)}`"
        return path if text.strip("`") == path.strip("`") else f"{text} ({path})"

    return LINK.sub(named, markdown)
