"""A plain document of headings, paragraphs and tables, written as Markdown or as a page of HTML."""

from __future__ import annotations

import html
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


def markdown(document: Document) -> str:
    """Write Markdown."""
    parts = [f"# {_plain(document.title)}", _plain(document.lead)]
    for section in document.sections:
        parts.append(f"## {_plain(section.title)}")
        parts += [_markdown_table(block) if isinstance(block, Table) else _plain(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def page(document: Document, stylesheet: str | None = None) -> str:
    """Write a whole page of HTML without any script or inline style."""
    title = html.escape(document.title)
    link = f'<link rel="stylesheet" href="{html.escape(stylesheet)}">' if stylesheet else ""
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    parts = [
        '<!doctype html>\n<html lang="en">',
        f'<head><meta charset="utf-8"><title>{title}</title>{viewport}{link}</head>',
        f"<body>\n<main>\n<h1>{title}</h1>\n<p>{html.escape(document.lead)}</p>",
    ]
    for section in document.sections:
        parts.append(f"<h2>{html.escape(section.title)}</h2>")
        parts += [
            _html_table(block) if isinstance(block, Table) else f"<p>{html.escape(block)}</p>"
            for block in section.blocks
        ]
    return "\n".join([*parts, "</main>\n</body>\n</html>\n"])


def _markdown_table(table: Table) -> str:
    rows = [table.heads, ["---"] * len(table.heads), *table.rows]
    return "\n".join(f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows)


def _html_table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in table.rows)
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>"


def _plain(text: str) -> str:
    """Text that Markdown takes for nothing but text: no HTML, no table cell's end, no new line."""
    return " ".join(html.escape(text, quote=False).replace("|", "\\|").split())
