from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.config import Settings
from app.errors import ConfigError
from app.factory import create_core

SHAPES = {
    "name": "shapes",
    "title": "Shapes",
    "description": "Tells round from square.",
    "classes": [{"name": "round", "title": "Round"}, {"name": "square", "title": "Square"}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"backbone": "alexnet"}},
        {"training": {"pretrained": "alexnet"}},
        {"classes": [{"name": "round", "title": "Round", "drawing": "alexnet"}, {"name": "square", "title": "S"}]},
    ],
)
def test_a_name_in_a_classifiers_file_that_there_is_not_stops_the_start(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    (tmp_path / "shapes.yaml").write_text(yaml.safe_dump(SHAPES | changes))
    with pytest.raises(ConfigError, match=r"classifier shapes: .*'alexnet'; choose one of: "):
        create_core(Settings(data_dir=tmp_path / "data", classifiers_dir=tmp_path))
