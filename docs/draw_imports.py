"""Draws docs/images/imports.svg from the imports of the code: `python -m docs.draw_imports`.

Each package is a box in the highest row below everything that imports it. An arrow is a direct import; those that other
arrows imply are left out. Small modules that any package may import (NEUTRAL) are not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grimp

FILE: Final = Path(__file__).parent / "images" / "imports.svg"
ROOTS: Final = ("app", "worker", "fovea_client")
NEUTRAL: Final = {"app", "config", "errors", "faults", "lifeline", "paths"}
WIDTH, ROW, BOX, HEIGHT = 720, 84, 132, 40
STYLE: Final = (
    "rect{fill:#eef3f8;stroke:#4a6785}text{font:14px sans-serif;fill:#1d2b3a;text-anchor:middle}"
    "line{stroke:#7b8fa3;stroke-width:1.3;marker-end:url(#tip)}"
)

Edges = dict[str, set[str]]


def imports() -> Edges:
    """Return the packages and what each imports directly."""
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=True, cache_dir=None)
    edges: Edges = {_package(module): set() for module in graph.modules}
    for module in graph.modules:
        edges[_package(module)] |= {_package(each) for each in graph.find_modules_directly_imported_by(module)}
    return {
        name: found - NEUTRAL - {name}
        for name, found in edges.items()
        if name not in NEUTRAL and name != "fovea_client"
    }


def picture() -> str:
    """Return the SVG."""
    edges = imports()
    levels = _levels(edges)
    rows = [sorted(name for name in levels if levels[name] == level) for level in range(max(levels.values()) + 1)]
    places = {
        name: (WIDTH * (2 * number + 1) / (2 * len(row)), ROW * level + ROW / 2)
        for level, row in enumerate(rows)
        for number, name in enumerate(row)
    }
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {ROW * len(rows)}" role="img">',
            "<title>The packages of Fovea and their imports</title>",
            f'<style>{STYLE}</style><defs>{tip}<path d="M0 0L8 4L0 8z" fill="#7b8fa3"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{ROW * len(rows)}" style="fill:#fff;stroke:none"/>',
            *_lines(edges, places),
            *(_box(name, *place) for name, place in sorted(places.items())),
            "</svg>\n",
        ]
    )


def _package(module: str) -> str:
    """Return `web` for app.web.api.jobs, `worker` for worker.tasks."""
    root, _, rest = module.partition(".")
    return rest.partition(".")[0] or root if root == "app" else root


def _levels(edges: Edges) -> dict[str, int]:
    """Return the length of the longest path of imports that leads to each package."""
    levels: dict[str, int] = {}

    def level(name: str) -> int:
        if name not in levels:
            levels[name] = max((level(above) + 1 for above in edges if name in edges[above]), default=0)
        return levels[name]

    for name in edges:
        level(name)
    return levels


def _below(edges: Edges, name: str) -> set[str]:
    """Return everything that a package imports, directly or not."""
    return edges[name].union(*(_below(edges, each) for each in edges[name]))


def _lines(edges: Edges, places: dict[str, tuple[float, float]]) -> Iterator[str]:
    for name in sorted(edges):
        implied = set().union(*(_below(edges, each) for each in edges[name]))
        for target in sorted(edges[name] - implied):
            (x1, y1), (x2, y2) = places[name], places[target]
            ends = f'x1="{x1:g}" y1="{y1 + HEIGHT / 2:g}" x2="{x2:g}" y2="{y2 - HEIGHT / 2 - 2:g}"'
            yield f"<line {ends}><title>{name} imports {target}</title></line>"


def _box(name: str, x: float, y: float) -> str:
    left, top = x - BOX / 2, y - HEIGHT / 2
    rect = f'<rect x="{left:g}" y="{top:g}" width="{BOX}" height="{HEIGHT}" rx="6"/>'
    return f'{rect}<text x="{x:g}" y="{y + 5:g}">{name}</text>'


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
