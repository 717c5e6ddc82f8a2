"""The benchmark of browsing and changing images runs."""

from __future__ import annotations

import sys

import pytest

from benchmarks import browsing


def test_it_times_pages_and_changes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks.browsing", "--images", "60", "--rounds", "1"])
    browsing.main()
    printed = capsys.readouterr().out
    assert "| behind image 54, by cursor |" in printed
    assert "| undo that, too |" in printed
