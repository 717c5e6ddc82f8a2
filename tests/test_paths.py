from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.paths import MAX_DEPTH, MAX_PATH, is_system_file, natural_key, relative_path, shortened

PIECES = st.sampled_from(
    ["..", ".", "", " .. ", "/", "\\", "C:", "c:", "//host", "patient 1", "left.jpg", "\0", "é", "~"]
)
HOSTILE = st.lists(PIECES | st.text(max_size=8), max_size=60).map("/".join) | st.text(max_size=2100)


@given(HOSTILE)
@example("C:..\\..\\evil.jpg")
@example("/C:/D:../x.jpg")
@example("a/" * 600 + "C:/" * 300 + "x.jpg")
def test_a_path_never_leads_out_whatever_was_sent(name: str) -> None:
    path = relative_path(name)
    parts = path.split("/")
    assert path
    assert not any(part.strip() in ("", ".", "..") for part in parts)
    assert "\\" not in path
    assert not re.match("[A-Za-z]:", path)
    assert len(path) <= MAX_PATH
    assert len(parts) <= MAX_DEPTH + 1
    assert relative_path(path) == path


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("patientA/left.jpg", "patientA/left.jpg"),
        ("patientA\\left.jpg", "patientA/left.jpg"),
        ("C:\\fundus\\patientA\\left.jpg", "fundus/patientA/left.jpg"),
        ("\\\\server\\share\\left.jpg", "server/share/left.jpg"),
        ("/home/me/./left.jpg", "home/me/left.jpg"),
        ("../../etc/left.jpg", "etc/left.jpg"),
        ("C:..\\left.jpg", "left.jpg"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("2024: March/left.jpg", "2024: March/left.jpg"),
        ("x" * 990 + "/" + "y" * 20 + "/left.jpg", "y" * 20 + "/left.jpg"),
        ("/".join(map(str, range(40))), "/".join(map(str, range(7, 40)))),
    ],
)
def test_a_name_as_it_was_sent_becomes_a_relative_path(sent: str, meant: str) -> None:
    assert relative_path(sent) == meant


def test_a_long_path_loses_whole_outer_folders_first() -> None:
    assert shortened("patients/12/left.jpg", 11) == "12/left.jpg"
    assert shortened("patients/12/left.jpg", 13) == "12/left.jpg"
    assert shortened("patients/12/left.jpg", 6) == "ft.jpg"
    assert shortened("left.jpg", 8) == "left.jpg"


@pytest.mark.parametrize(
    "path",
    ["Thumbs.db", "a/THUMBS.DB", "a/desktop.ini", ".DS_Store", "a/._left.jpg", "__MACOSX/a/left.jpg", ".git/a/b.jpg"],
)
def test_what_an_operating_system_adds_is_known(path: str) -> None:
    assert is_system_file(path)


@pytest.mark.parametrize("path", ["left.jpg", "a/thumbs.jpg", "a.b/left.jpg", "desktop.ini/left.jpg", "__MACOSX.jpg"])
def test_what_a_person_made_is_kept(path: str) -> None:
    assert not is_system_file(path)


def test_paths_are_sorted_as_people_count() -> None:
    paths = [
        "patient10/left.jpg",
        "Patient2/right.jpg",
        "patient2/left.jpg",
        "a.jpg",
        "patient2/left2.jpg",
        "2.jpg",
        "",
    ]
    assert sorted(paths, key=natural_key) == [
        "", "2.jpg", "a.jpg", "patient2/left.jpg", "patient2/left2.jpg", "Patient2/right.jpg", "patient10/left.jpg",
    ]  # fmt: skip


@given(st.lists(st.text(max_size=20)))
def test_any_paths_can_be_sorted(paths: list[str]) -> None:
    assert len(sorted(paths, key=natural_key)) == len(paths)
