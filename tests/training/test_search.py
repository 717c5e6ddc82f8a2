from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from app.config import Settings
from app.errors import InvalidInput
from app.services.setup import initialise
from app.training.networks.backbones import BACKBONES, MOBILENETV2, find_all_weights
from app.training.progress import silent


@pytest.fixture
def weights_dir(tmp_path: Path) -> Path:
    """A folder with weights of MobileNetV2 from chance."""
    from app.training.networks import assembly, runtime  # noqa: PLC0415  # loads TensorFlow

    folder = tmp_path / "weights"
    folder.mkdir()
    with runtime.session(2):
        network = assembly.build_network("mobilenetv2", 64, 2)
        end = network.get_layer(assembly.FEATURES).output
        runtime.keras.Model(network.input, end).save_weights(folder / MOBILENETV2)
    return folder


def test_a_search_trains_the_best_of_what_it_tried_and_tells_all(weights_dir: Path, tmp_path: Path) -> None:
    app: Flask = create_app(Settings(data_dir=tmp_path / "data", weights_dir=weights_dir))
    with app.app_context():
        services = app.extensions["fovea"]
        initialise(services)
        services.datasets.synth("cat_dog", 50, 1, silent)
        ended = app.test_cli_runner().invoke(args=["train", "cat_dog", "--search", "--budget", "5"])
        assert ended.exit_code == 0, ended.output
        job = services.jobs.list()[0]
    trials = job.result["search"]
    assert {trial["backbone"] for trial in trials} == {"mobilenetv2"}
    assert len(trials) > 1
    assert [trial["val_loss"] for trial in trials] == sorted(trial["val_loss"] for trial in trials)
    assert ended.stdout.count("tried  backbone mobilenetv2") == len(trials)
    with app.app_context():
        card = services.registry.card("cat_dog", job.result["model_version"])
    assert (card.backbone, card.mode) == ("mobilenetv2", "head")


def test_without_weights_there_is_nothing_to_search(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="WEIGHTS_DIR"):
        find_all_weights(tmp_path)


def test_a_network_of_two_parts_needs_both_files(tmp_path: Path) -> None:
    (tmp_path / MOBILENETV2).touch()
    assert list(find_all_weights(tmp_path)) == ["mobilenetv2"]
    for file in BACKBONES["mobilenet_pair"].weights_files:
        (tmp_path / file).touch()
    assert {"mobilenet", "mobilenet_pair"} <= set(find_all_weights(tmp_path))
