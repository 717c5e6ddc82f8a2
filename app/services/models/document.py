"""A plain document of headings, paragraphs and tables; templates write it as Markdown or as a page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of cells below a row of heads."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: paragraphs and tables."""

    title: str
    blocks: Sequence[str | Table]


@dataclass(frozen=True)
class Document:
    """A title, a first paragraph, and sections."""

    title: str
    lead: str
    sections: Sequence[Section]
