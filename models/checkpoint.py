"""The checkpoint of a fit: everything needed to go on after the last whole epoch, in one file.

Written after each epoch under a temporary name and renamed, so a kill at any point leaves the last
one whole. It bears a mark of what is fitted: a checkpoint of anything else is not used.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.workspace import write_atomically

_FILE = "checkpoint.npz"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a fit after an epoch; lists of arrays are in the order of Keras' variables."""

    weights: Sequence[np.ndarray]
    optimizer: Sequence[np.ndarray]
    best_weights: Sequence[np.ndarray]
    best_epoch: int
    history: Sequence[Mapping[str, Any]]
    split: int = 1
    """In how many parts a batch is computed (models/stepping.py)."""


_LISTS = ("weights", "optimizer", "best_weights")


def find_checkpoint(folder: Path) -> Path:
    """Return where the checkpoint of a folder is, or would be."""
    return folder / _FILE


def clear_leftovers(folder: Path) -> None:
    """Delete what a process left that was killed while it wrote a checkpoint.

    Only for whoever has the run: nobody else writes there meanwhile.
    """
    for leftover in folder.glob(f".*-{_FILE}"):
        leftover.unlink(missing_ok=True)


def write_checkpoint(folder: Path, mark: str, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in place of the one in the folder."""
    arrays = {
        f"{name}_{number}": array
        for name in _LISTS
        for number, array in enumerate(getattr(checkpoint, name))
    }
    facts = {
        "mark": mark,
        "best_epoch": checkpoint.best_epoch,
        "history": list(checkpoint.history),
        "split": checkpoint.split,
        "lengths": {name: len(getattr(checkpoint, name)) for name in _LISTS},
    }
    with write_atomically(folder / _FILE) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)


def read_checkpoint(folder: Path, mark: str) -> Checkpoint | None:
    """Return the checkpoint in the folder; None where it is missing, damaged or of another fit."""
    try:
        with (folder / _FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            if facts["mark"] != mark:
                return None
            lists = {
                name: [stored[f"{name}_{number}"] for number in range(facts["lengths"][name])]
                for name in _LISTS
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Checkpoint(
        **lists,
        best_epoch=facts["best_epoch"],
        history=facts["history"],
        split=facts.get("split", 1),
    )
