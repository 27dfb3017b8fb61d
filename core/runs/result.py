"""The result of a run: the scores of all photos, and the head.

runs/<id>/result.npz has the arrays, head.npz the head, result.json the rest and their digests.
result.json is written last and deleted first. A result that is missing or damaged is computed again
when its recipe is submitted again.
"""

import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core import kept
from core.config import fingerprint
from core.errors import FeaturesMissing, ResultDamaged, RunUnfinished
from core.formats import percent
from core.runs.run_files import (
    ARRAYS_FILE,
    FACTS_FILE,
    HEAD_FILE,
    VERSION,
    is_file_whole,
    read_facts,
    read_json,
)
from core.workspace import Workspace, check_identifier, digest_file, write_atomically, write_json
from data.dataset import Dataset
from data.report import warn_of_few
from data.splits import SPLITS
from models.dense import DenseHead, measure_scores, read_head, write_head
from models.rows import read_kept

if TYPE_CHECKING:
    from numpy.lib.npyio import NpzFile

    from data.predictions import Scored

Figure = TypeVar("Figure")
MOST_JUDGED = 20_000
_ARRAYS = ("scores", "labels", "splits", "paths")
_MAPPED_FROM = 2**26
"""Bytes from which an array is memory-mapped."""
_COMPARED = 65_536
"""Paths per comparison."""
_TRAIN_AGAIN = "train the same recipe again: it gives the same result."


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """The scores of the best epoch for all photos of the dataset, in its order."""

    scores: np.ndarray
    """(n, k) float32, each row sums to 1."""
    labels: np.ndarray
    """(n,) int64, index into `classes`."""
    splits: np.ndarray
    """(n,) str: the splits of this run; "" where a photo has no prediction."""
    paths: np.ndarray
    """(n,) str."""
    classes: tuple[str, ...]
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)
    """One entry per epoch, as in the events; None where a number was not finite."""
    dataset_id: str
    backbone_id: str = ""
    features_id: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time of each phase."""
    scored: "Scored" = "all"
    """Which classes have a score of their own: all, the predicted one alone, or none."""

    def photo_numbers(self, split: str) -> np.ndarray:
        """Return the photos of a split, (m,) int64, read-only."""
        return self._numbers.get(split, np.empty(0, np.int64))

    def has_score(self, photo: int, class_number: int) -> bool:
        """Return whether the class has a score of its own in this photo."""
        if self.scored == "predicted":
            return bool(self.scores[photo].argmax() == class_number)
        return self.scored == "all"

    def say_score(self, photo: int, class_number: int) -> str:
        """Return the score of a class in words, on one line; "" without one."""
        if not self.has_score(photo, class_number):
            return ""
        return percent(float(self.scores[photo, class_number]), 100).replace(" ", "\u00a0")

    def drop_unknown(self, figures: Mapping[str, Figure]) -> dict[str, Figure]:
        """Return the figures without those that need a score of each class, if there is none."""
        unknown = () if self.scored == "all" else ("loss", "top_k_accuracy")
        return {name: one for name, one in figures.items() if name not in unknown}

    @cached_property
    def _numbers(self) -> dict[str, np.ndarray]:
        numbers = {split: np.flatnonzero(self.splits == split) for split in SPLITS}
        for one in numbers.values():
            one.setflags(write=False)
        return numbers

    def draw_photos(self, split: str, most: int | None = None) -> np.ndarray:
        """Return the photos of a split, (m,) int64 ascending; at most `most`, drawn at random."""
        photos, most = self.photo_numbers(split), most or MOST_JUDGED
        if len(photos) <= most:
            return photos
        return np.sort(np.random.default_rng(0).choice(photos, most, replace=False))

    def warn_of_few(self, split: str = "validation") -> str:
        """Return the warning about classes with few photos in a split, or ""."""
        labels = self.labels[self.photo_numbers(split)]
        return warn_of_few(np.bincount(labels, minlength=len(self.classes)).tolist(), split)

    def describe_best(self) -> dict[str, Any]:
        """Return the best epoch as columns of the index of runs."""
        best = self.history[self.best_epoch - 1]
        return {
            "epochs_done": len(self.history),
            "best_epoch": self.best_epoch,
            "best_val_accuracy": best.get("val_accuracy"),
            "best_val_loss": best.get("val_loss"),
            "val_photos": len(self.photo_numbers("validation")),
        }

    @cached_property
    def curve(self) -> list[dict[str, Any]]:
        """The history with training loss and accuracy of the best epoch.

        Older runs, and runs that train stages, did not measure them during training.
        """
        photos, epochs = self.photo_numbers("train"), [dict(epoch) for epoch in self.history]
        for epoch in epochs:
            if epoch["epoch"] == self.best_epoch and epoch.get("train_accuracy") is None:
                found = measure_scores(self.scores[photos], self.labels[photos])
                epoch["train_loss"], epoch["train_accuracy"] = found
        return epochs


_FACTS = [one.name for one in fields(RunResult) if one.name not in _ARRAYS]


def write_result(folder: Path, result: RunResult, head: DenseHead | None) -> None:
    """Write the result, and the head if a model was trained here, into the folder of the run."""
    (folder / FACTS_FILE).unlink(missing_ok=True)
    arrays = {name: getattr(result, name) for name in _ARRAYS}
    with write_atomically(folder / ARRAYS_FILE) as path, path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    if head is not None:
        write_head(head, folder / HEAD_FILE)
    facts = {name: getattr(result, name) for name in _FACTS}
    names = (ARRAYS_FILE,) if head is None else (ARRAYS_FILE, HEAD_FILE)
    digests = {name: digest_file(folder / name) for name in names}
    content = {"version": VERSION, "digests": digests, **facts}
    write_json(folder / FACTS_FILE, content)


def read_result(workspace: Workspace, run_id: str) -> RunResult:
    """Return the result of a run.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: A file of it is damaged.
    """
    folder = workspace.run_folder(run_id)
    facts = _read_facts(folder, run_id)
    path = _check_file(folder, ARRAYS_FILE, facts, run_id)
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, Any] = {name: _read_stored(path, stored, name) for name in _ARRAYS}
    rest = {name: facts[name] for name in _FACTS if name in facts}
    return RunResult(**arrays, **rest | {"classes": tuple(facts["classes"])})


def _read_stored(path: Path, stored: "NpzFile", name: str) -> np.ndarray:
    """Return an array of an .npz, memory-mapped if it is large."""
    assert stored.zip is not None
    member = stored.zip.getinfo(f"{name}.npy")
    if member.file_size < _MAPPED_FROM or member.compress_type != zipfile.ZIP_STORED:
        return np.asarray(stored[name])
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        return np.asarray(np.memmap(file, kind, "r", file.tell(), shape))


def read_run_head(workspace: Workspace, run_id: str) -> DenseHead:
    """Return the head of a run.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: A file of it is damaged.
        FeaturesMissing: It has predictions, but no model.
    """
    folder = workspace.run_folder(run_id)
    facts = _read_facts(folder, run_id)
    if HEAD_FILE not in facts["digests"]:
        raise _without_model(run_id)
    return read_head(_check_file(folder, HEAD_FILE, facts, run_id))


def check_model(result: RunResult, run_id: str = "") -> None:
    """Check that the run has a model, not only predictions.

    Raises:
        FeaturesMissing: Its predictions were made elsewhere.
    """
    if not result.features_id:
        raise _without_model(run_id)


def _without_model(run_id: str) -> FeaturesMissing:
    return FeaturesMissing(
        "This run has predictions, but no model.",
        "Choose a run that was trained here.",
        run_id=run_id,
    )


def check_order(result: RunResult, dataset: Dataset) -> None:
    """Check that row i of the result is photo i of the dataset, with the same class.

    Raises:
        ResultDamaged: The dataset, its photos, classes or order differ.
    """
    blocks = [slice(start, start + _COMPARED) for start in range(0, len(dataset), _COMPARED)]
    paths = dataset.manifest["path"]
    same = (
        result.dataset_id == dataset.id
        and result.classes == dataset.classes
        and np.array_equal(result.labels, dataset.labels)
        and all(np.array_equal(result.paths[some], paths.iloc[some].to_list()) for some in blocks)
    )
    if not same:
        problem = "The result of this run does not match the photos of its dataset."
        raise ResultDamaged(problem, "Train the same recipe again.", dataset=dataset.id)


def read_run_features(workspace: Workspace, result: RunResult) -> np.ndarray:
    """Return the features behind the run's scores, (n, d) float32, memory-mapped.

    Raises:
        FeaturesMissing: They were deleted or altered, or an added model gives none.
    """
    check_model(result)
    facts = read_json(workspace.backbone_folder(result.backbone_id) / "backbone.json")
    if facts.get("rows_are") == "scores":
        raise FeaturesMissing(
            "This model gives no features: its last layer is not a dense layer.",
            "Choose another run.",
        )
    return read_run_rows(workspace, result)


def read_run_rows(workspace: Workspace, result: RunResult) -> np.ndarray:
    """Return the input of the run's head, (n, d) float32: its features, or logarithms of scores.

    Raises:
        FeaturesMissing: They were deleted or altered.
    """
    check_model(result)
    features = read_kept(workspace, result.features_id)
    if features is None or len(features) != len(result.paths):
        raise FeaturesMissing(
            "The features of this run are missing or damaged.",
            f"Run “python -m core features {result.dataset_id}”. For a fine-tuned run, delete it "
            "and train its recipe again.",
            features=result.features_id,
        )
    return features


def keep_arrays(
    workspace: Workspace,
    run_id: str,
    name: str,
    facts: Mapping[str, Any],
    make: Callable[[], Mapping[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return the arrays that are derived from a run, cached in derived/<name>-<key>.npz.

    Args:
        name: Lower-case with dashes.
        facts: JSON values that decide the arrays, beside the result; with a version to be raised
            when the computation changes.
        make: Computes the arrays (no object dtype).

    Raises:
        RunUnfinished: The run has no result (yet).
    """
    key = fingerprint({"result": digest_result(workspace, run_id), "facts": dict(facts)})
    folder = workspace.run_folder(run_id)
    file = folder / "derived" / f"{check_identifier(name)}-{key}.npz"
    return kept.keep_arrays(file, make, folder / FACTS_FILE)


def digest_result(workspace: Workspace, run_id: str) -> str:
    """Return the digest of a run's result.

    Raises:
        RunUnfinished: The run has no result (yet).
    """
    try:
        return str(read_facts(workspace.run_folder(run_id))["digests"][ARRAYS_FILE])
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise _unfinished(run_id) from error


def _unfinished(run_id: str) -> RunUnfinished:
    remedy = f"Wait until it is trained, or {_TRAIN_AGAIN}"
    return RunUnfinished("This run has no result.", remedy, run_id=run_id)


def _read_facts(folder: Path, run_id: str) -> dict[str, Any]:
    try:
        return read_facts(folder)
    except FileNotFoundError as error:
        raise _unfinished(run_id) from error
    except ValueError as error:
        raise _damaged(FACTS_FILE, run_id) from error


def _check_file(folder: Path, name: str, facts: dict[str, Any], run_id: str) -> Path:
    if not is_file_whole(folder, name, facts):
        raise _damaged(name, run_id)
    return folder / name


def _damaged(name: str, run_id: str) -> ResultDamaged:
    problem = f"The file {name} of this run is damaged."
    return ResultDamaged(problem, _TRAIN_AGAIN.capitalize(), run_id=run_id, file=name)
