"""Cross-validation of a run's head, for sets so small that the validation split says little.

Heads of the recipe are trained on the kept features of train and validation photos, up to the epoch
that was the run's best, each without a fifth of the photos, which it then answers; copies stay
together, test photos are never read. It follows from the run, is kept beside it, and changes
nothing of it. The worker does it after a run; for an older run
`python -m core.runs.training.cross_validating FOLDER` is a job of its own.
"""

import logging
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import PetalscopeError
from core.runs.jobs import JobStatus, Tell, read_job, run_job, start_job
from core.runs.result import RunResult, keep_arrays, read_arrays, read_result, read_run_features
from core.runs.store import RunRecord, read_run
from core.workspace import Workspace, open_workspace
from data.dataset import Dataset
from data.duplicates import NEAREST, find_pairs, number_groups
from data.manifest import read_dataset
from data.splits import draw_folds

FOLDS = 5
MOST_PHOTOS = 5_000
MOST_STEPS = 3_000
"""All heads together, unless one repeat takes more: about 6 s, while the next run waits."""
_FACTS = {"version": 2}
_NAME = "cross-validation"
_ROWS = 1_000

_log = logging.getLogger("run")


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """What heads that left photos out answered for them."""

    photos: np.ndarray
    """(m,) int, the train and validation photos."""
    answers: np.ndarray
    """(r, m) int, class numbers, of each repeat; -1: the photo was never left out."""
    groups: np.ndarray
    """(m,) int: copies of each other have the same."""


def say_unfit(run: RunRecord, result: RunResult) -> str:
    """Return why there is no cross-validation of a run; empty where there can be one."""
    if run.recipe.trained_stages:
        return (
            "No cross-validation: stages of the backbone would be trained many times over; only "
            "heads on kept features take seconds."
        )
    if np.sum(result.splits != "test") > MOST_PHOTOS:
        return f"No cross-validation: above {MOST_PHOTOS:,} photos it would take too long."
    return ""


def read_folds(workspace: Workspace, run_id: str) -> Folds | None:
    """Return the cross-validation that is kept with a run, or None."""
    kept = read_arrays(workspace, run_id, _NAME, _FACTS)
    return None if kept is None else Folds(**kept)


def cross_validate(
    workspace: Workspace, run_id: str, tell: Callable[[int, int], None] = lambda *_: None
) -> Folds | None:
    """Return the cross-validation of a run, done now unless it is kept; None where it is unfit.

    Args:
        run_id: Of a finished run.
        tell: Told how many heads are trained, and of how many.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was cut short or altered.
        FeaturesMissing: The features behind its scores were removed or altered.
        DatasetMissing: Its dataset was deleted.
    """
    run, result = read_run(workspace, run_id), read_result(workspace, run_id)
    if run.plan is not None or say_unfit(run, result):
        return None

    def make() -> dict[str, np.ndarray]:
        features = read_run_features(workspace, result)
        groups = _find_groups(read_dataset(workspace, result.dataset_id), features)
        photos = np.flatnonzero(result.splits != "test")
        among = photos, groups[photos]
        answers = _answer_left_out(run, result, features[photos], among, tell)
        return {"photos": photos, "answers": answers, "groups": groups[photos]}

    return Folds(**keep_arrays(workspace, run_id, _NAME, _FACTS, make))


def cross_validate_small(workspace: Workspace, run: RunRecord) -> None:
    """Cross-validate a run with few validation photos of some class; it is done, whatever comes."""
    if run.state != "done" or run.plan is not None:
        return
    try:
        if read_result(workspace, run.id).warn_of_few():
            cross_validate(workspace, run.id)
    except PetalscopeError as error:
        _log.warning("not cross-validated: %s", error)


def _answer_left_out(
    run: RunRecord,
    result: RunResult,
    features: np.ndarray,
    among: tuple[np.ndarray, np.ndarray],
    tell: Callable[[int, int], None],
) -> np.ndarray:
    # With Keras: pages read what is kept, and load neither.
    from core.runs.training.formula import solve_head
    from core.runs.training.strategies import plan_head, shape_head
    from models.fitting import HeadRefit

    photos, groups = among
    recipe, labels = run.recipe, result.labels[photos]
    shape = shape_head(recipe, len(result.classes))
    refit = None
    if recipe.has_epochs:
        settings = {"width": features.shape[1], "standardise": recipe.standardise}
        refit = HeadRefit(shape, plan_head(recipe), **settings)
    steps = result.best_epoch * math.ceil(len(photos) / recipe.batch_size)
    repeats = _count_repeats(len(photos), steps)
    answers = np.full((repeats, len(photos)), -1, dtype=np.int32)
    for repeat in range(repeats):
        fold = draw_folds(labels, groups, folds=FOLDS, seed=repeat)
        for number in range(FOLDS):
            out = fold == number
            if out.any():
                if refit is None:
                    left = np.flatnonzero(~out)
                    solved, _ = solve_head(features, labels, left, len(result.classes))
                    scores = solved.scores(features[out])
                else:
                    head = refit.fit(features[~out], labels[~out], epochs=result.best_epoch)
                    scores = head(features[out])
                answers[repeat, out] = scores.argmax(axis=1)
            tell(repeat * FOLDS + number + 1, repeats * FOLDS)
    return answers


def _count_repeats(photos: int, steps: int) -> int:
    """Return how often so many photos are left out in turn, each head trained in so many steps."""
    enough = 5 if photos <= 200 else 3 if photos <= 1_000 else 1
    return min(enough, max(1, MOST_STEPS // (FOLDS * steps)))


def _find_groups(dataset: Dataset, features: np.ndarray) -> np.ndarray:
    """Return the group of each photo, (n,) int: exact and near copies, as Quality finds them."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    count = min(NEAREST, len(unit) - 1)
    nearest = np.zeros((len(unit), count), dtype=np.int64)
    for start in range(0, len(unit), _ROWS):
        cosines = unit[start : start + _ROWS] @ unit.T
        rows = np.arange(len(cosines))
        cosines[rows, rows + start] = -np.inf
        nearest[start : start + _ROWS] = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return number_groups(find_pairs(dataset, neighbours=nearest), len(dataset))


def start_cross_validation(workspace: Workspace, run_id: str) -> None:
    """Start the cross-validation of a run in a process of its own, unless it is going."""
    start_job(workspace, _job_folder(workspace, run_id), __name__, {"run": run_id})


def read_cross_validation_job(workspace: Workspace, run_id: str) -> JobStatus | None:
    """Return how far it is; None: it was never started."""
    return read_job(_job_folder(workspace, run_id))


def _job_folder(workspace: Workspace, run_id: str) -> Path:
    return workspace.run_folder(run_id) / "cross-validation"


def _work(parameters: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    run_id = str(parameters["run"])
    cross_validate(open_workspace(), run_id, lambda done, of: tell("training heads", done, of))
    return {"run": run_id}


if __name__ == "__main__":
    run_job(Path(sys.argv[1]), _work)
