from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput, TooLarge
from app.training.data import tables
from app.training.data.tables import Columns, read_table

COLUMNS = Columns("image", "level")
NAMES = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=8)


@given(st.dictionaries(NAMES, NAMES, max_size=5))
def test_every_row_can_be_found(values: dict[str, str]) -> None:
    lines = ["other,image,level", *(f"x,{name},{value}" for name, value in values.items())]
    table = read_table("t.csv", "\n".join(lines).encode(), COLUMNS)
    assert {name: table.get(f"{name}.jpg") for name in values} == values
    assert table.rows == len(values)


def test_rows_over_the_limit_are_refused_whatever_is_in_them() -> None:
    assert read_table("t.csv", b"image,level" + b"\na,1" * 3, COLUMNS, most=3).get("a") == "1"
    for row in (b"\na,1", b"\n", b"\n,"):
        with pytest.raises(TooLarge, match=r"t\.csv is a table of too many rows; all tables of a call may have 200000"):
            read_table("t.csv", b"image,level" + row * (tables.MAX_ROWS + 2), COLUMNS)


def test_of_many_columns_only_some_are_named() -> None:
    header = ",".join(f"c{number}" for number in range(100_000)).encode()
    with pytest.raises(InvalidInput, match=r"no column 'image'; its columns are: c0, .*c19 and 99980 more") as refused:
        read_table("t.csv", header, COLUMNS)
    assert len(str(refused.value)) < 300
