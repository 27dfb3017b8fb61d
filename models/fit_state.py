"""The state of a fit between epochs (keras): its curve, its best weights, its checkpoint."""

import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.errors import RunStopped
from core.workspace import write_atomically
from models.dense import measure_scores
from models.head import seed_dropout, to_dense_head
from models.plan import (
    CHECKPOINT_FILE,
    Ask,
    EpochResult,
    FitPlan,
    FitRecord,
    FitResult,
    Source,
    find_best_epoch,
    find_rate,
    is_patience_over,
)
from models.stepping import Pass, Seen, Stepper

Measure = Callable[[Stepper], np.ndarray | None]
"""Returns scores (n, k); None after a stop, or where they are not measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FitData:
    """The training data, and the measurement after each epoch."""

    train: Source
    val_labels: np.ndarray
    """(m,) int; may be empty."""
    measure: Measure
    """Scores of the validation photos."""
    measure_train: Measure = lambda _: None
    """Scores of the training photos without dropout and augmentation."""


class FitState:
    """The state of a fit: the model, its curve, and the weights of the best epoch."""

    def __init__(
        self,
        model: keras.Model,
        plan: FitPlan,
        record: FitRecord,
        on_step: Callable[[int, int], None] | None = None,
    ) -> None:
        before, folder = record.before, record.folder
        self.history = list(before)
        self._before = len(before)
        self._plan, self._folder, self._mark = plan, folder, record.mark(plan)
        self._stepper = Stepper(model, plan, on_step)
        self._best_weights = self._stepper.read_weights()
        if folder:
            clear_leftovers(folder)
        facts, kept = read_checkpoint(folder, self._mark) if folder else ({}, {})
        if kept and facts["best_epoch"] <= len(before) + len(facts["history"]):
            split = facts.get("split", 1)
            self._stepper.write_state(kept["weights"], kept["optimizer"], split=split)
            known = {one.name for one in fields(EpochResult)}  # not those of earlier versions
            for epoch in facts["history"]:
                self.history.append(EpochResult(**{n: epoch[n] for n in epoch if n in known}))
            self._best_weights = kept["best_weights"]

    @property
    def own(self) -> list[EpochResult]:
        """The epochs of this phase."""
        return self.history[self._before :]

    @property
    def best(self) -> EpochResult:
        """The best epoch of all phases."""
        return find_best(self.history)

    @property
    def is_complete(self) -> bool:
        over = bool(self.own) and is_patience_over(self._plan, self.own)
        return over or len(self.own) >= self._plan.epochs

    def run_epoch(self, data: FitData, should_stop: Ask) -> bool:
        """Return whether another epoch was completed; False after a stop."""
        start = time.perf_counter()
        seen = self._run_steps(data.train, should_stop)
        trained = time.perf_counter()
        scores = data.measure(self._stepper) if seen and len(data.val_labels) else None
        known = data.measure_train(self._stepper) if seen else None
        if seen is None or (scores is None and len(data.val_labels)):
            return False
        train_loss, train_accuracy = _measure(known, data.train.labels)
        val_loss, val_accuracy = _measure(scores, data.val_labels)
        self._keep(
            EpochResult(
                **seen._asdict(),
                epoch=len(self.history) + 1,
                phase="stages" if self._stepper.trains_stages else "head",
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                seconds=time.perf_counter() - start,
                photos_per_second=len(data.train.labels) / (trained - start),
                batch_size=-(-self._plan.batch_size // self._stepper.split),
            )
        )
        return True

    def _run_steps(self, train: Source, should_stop: Ask) -> Seen | None:
        """Return the means of the next epoch; None after a stop."""
        seeds = np.random.SeedSequence((self._plan.seed, len(self.history) + 1)).spawn(3)
        shuffling, dropping, mixing = seeds
        seed_dropout(self._stepper.model, dropping)
        steps = Pass(
            order=np.random.default_rng(shuffling).permutation(len(train.labels)),
            number=len(self.own) + 1,
            rate=lambda step, steps: find_rate(self._plan, self.own, step, steps),
            mixing=np.random.default_rng(mixing),
        )
        return self._stepper.run(train, steps, should_stop)

    def _keep(self, result: EpochResult) -> None:
        """Add the epoch to the curve and write the checkpoint."""
        weights = self._stepper.read_weights()
        self.history.append(result)
        if find_best_epoch(self.history) == result.epoch:
            self._best_weights = weights
        if self._folder is not None:
            facts = {
                "mark": self._mark,
                "best_epoch": self.best.epoch,
                "history": [asdict(epoch) for epoch in self.own],
                "split": self._stepper.split,
            }
            arrays = {"weights": weights, "optimizer": self._stepper.read_optimizer()}
            arrays["best_weights"] = self._best_weights
            write_checkpoint(self._folder, facts, arrays)

    def conclude(self) -> FitResult:
        """Set the model to the best epoch of this phase and return the result."""
        if not self.history:
            problem = "The run was stopped before its first epoch was complete."
            raise RunStopped(problem, "Start it again: computed features are cached.")
        self._stepper.write_weights(self._best_weights)
        return FitResult(
            history=self.history,
            best_epoch=self.best.epoch,
            head=to_dense_head(self._stepper.model),
            epochs_done=len(self.history),
            stopped=not self.is_complete,
        )


def find_best(history: Sequence[EpochResult]) -> EpochResult:
    """Return the best epoch of a history without gaps."""
    return history[find_best_epoch(history) - 1]


def clear_leftovers(folder: Path) -> None:
    """Delete the unfinished files of a killed process; only with the lock of the run."""
    for leftover in folder.glob(f".*-{CHECKPOINT_FILE}"):
        leftover.unlink(missing_ok=True)


Arrays = dict[str, list[np.ndarray]]
"""“weights”, “optimizer” and “best_weights”, in the order of Keras' variables."""


def write_checkpoint(folder: Path, facts: Mapping[str, Any], arrays: Arrays) -> None:
    """Replace the checkpoint in the folder."""
    lengths = {name: len(some) for name, some in arrays.items()}
    content = np.array(json.dumps({**facts, "lengths": lengths}))
    named = {f"{name}_{n}": one for name, some in arrays.items() for n, one in enumerate(some)}
    with write_atomically(folder / CHECKPOINT_FILE) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, facts=content, **named)


def read_checkpoint(folder: Path, mark: str) -> tuple[dict[str, Any], Arrays]:
    """Return facts and arrays of the checkpoint of this fit; none if it is missing or damaged."""
    checkpoint = folder / CHECKPOINT_FILE
    try:
        with checkpoint.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            if facts["mark"] != mark:
                return {}, {}
            return facts, {
                name: [stored[f"{name}_{number}"] for number in range(length)]
                for name, length in facts["lengths"].items()
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}, {}


def _measure(scores: np.ndarray | None, labels: np.ndarray) -> tuple[float | None, float | None]:
    return (None, None) if scores is None else measure_scores(scores, labels)
