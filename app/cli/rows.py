"""Writing rows of answers as they come: a table to read, or a file in one of the formats of bulk results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from app.services.bulk.tabular import FORMATS, as_text

Row = dict[str, Any]
FILE_CHARACTERS: Final = 60


WRITERS: Final = {f".{name}": writer for name, writer in FORMATS.items()}


def write(rows: Iterable[Row], output: Path, classes: Sequence[str], similar: bool = False) -> None:
    """Write the rows in the form that the file's suffix names; memory does not grow with them.

    `similar` adds a column for the similar cases to a table; JSON says them anyway.
    """
    with output.open("wb") as file:
        file.writelines(WRITERS[output.suffix.lower()](rows, classes, similar))


def as_table(
    rows: Iterable[Row], files: Sequence[Path], classes: Sequence[str], classifiers: Sequence[str]
) -> Iterator[str]:
    """Yield aligned lines to read: a head, then the file, class, confidence and decision, or what is wrong.

    The classifier stands before the class where there are several. Where similar cases were asked for, they stand below
    their answer.
    """
    width = min(max(len(str(path)) for path in files), FILE_CHARACTERS)
    first = max(len("classifier"), *map(len, classifiers)) + 2 if len(classifiers) > 1 else 0
    name = max(len("class"), *map(len, classes))
    yield f"{'file':{width}}  {'classifier'[:first]:{first}}{'class':{name}}  {'confidence':>10}  decision"
    for row in rows:
        if row["error"] is not None:
            yield f"{row['file']:{width}}  {row['error']}"
        else:
            of = row["classifier"] if first else ""
            answer = f"{row['predicted_class']:{name}}  {row['confidence']:>10.3f}  {row['decision']}"
            yield f"{row['file']:{width}}  {of:{first}}{answer}"
            if row.get("similar"):
                yield f"  similar: {as_text(row['similar'])}"
