"""What a killed training needs to go on from its last epoch: one file, replaced as a whole after each epoch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from app.inference.arrays import Floats
from app.training.networks.runtime import keras
from app.training.progress import History

NAME = "checkpoint.npz"


@dataclass
class State:
    """How far a training is: its history, the lowest `best` validation loss, and epochs `waited` since then.

    `epochs` counts those of the present phase.
    """

    epochs: int = 0
    best: float = float("inf")
    waited: int = 0
    history: History = field(default_factory=list)


def save(folder: Path, network: keras.Model, state: State, best: list[Floats]) -> None:
    """Write the weights, the optimizer's state, the best weights so far and `state`."""
    arrays = {f"weight{i}": array for i, array in enumerate(network.get_weights())}
    arrays |= {f"best{i}": array for i, array in enumerate(best)}
    arrays |= {f"optimizer{i}": np.asarray(each) for i, each in enumerate(network.optimizer.variables)}
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"new-{NAME}"
    with new.open("wb") as file:
        np.savez(file, state=np.array(json.dumps(asdict(state))), **arrays)
    new.replace(folder / NAME)


def load(folder: Path, network: keras.Model) -> tuple[State, list[Floats]] | None:
    """Put the compiled `network` where it was; return its state and its best weights, None where nothing is saved."""
    try:
        with np.load(folder / NAME, allow_pickle=False) as file:
            state = State(**json.loads(str(file["state"])))
            parts = {
                prefix: [file[f"{prefix}{i}"] for i in range(sum(name.startswith(prefix) for name in file.files))]
                for prefix in ("weight", "best", "optimizer")
            }
    except (OSError, ValueError, KeyError, BadZipFile):
        return None
    network.set_weights(parts["weight"])
    for variable, value in zip(network.optimizer.variables, parts["optimizer"], strict=True):
        variable.assign(value)
    return state, parts["best"]
