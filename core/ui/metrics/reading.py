"""Everything that the metrics page shows, read once: address and caches → one `MetricsPage`.

In the URL: `focus` (a class). Costly parts are computed when they are first drawn, then cached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.datasets.quality.leakage import list_leaking_photos
from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import NAMES, Beside
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation
from core.evaluation.ranking import Ranking, rank_classes
from core.exact.left_out import leave_out
from core.formats import count, percent, percent_ranges
from core.prediction.nearest import compare_with_baselines, find_frozen_features
from core.runs.result import RunResult
from core.runs.store import RunRecord, read_run
from core.ui.parts import cache
from core.ui.parts.pickers import title_run
from core.ui.parts.state import choose_from
from data.dataset import Dataset
from data.report import ENOUGH

SHARES = ("recall", "precision", "f1")
AREAS = ("roc_auc", "average_precision")


@dataclass(frozen=True, kw_only=True)
class MetricsPage:
    """How good a run is on the photos of a split."""

    run: RunRecord
    split: str
    dataset: Dataset
    result: RunResult
    evaluation: Evaluation
    when: float
    """Time at which the result was written: part of the key of the curves."""
    class_name: str | None
    """The class in focus."""

    @cached_property
    def figures(self) -> Mapping[str, Estimate]:
        """Figures over all classes, by name."""
        return _estimate(self.run.id, self.split)

    @cached_property
    def ranking(self) -> Ranking:
        """ROC and precision-recall curves of the classes, and their areas."""
        return _rank(self.run.id, self.split)

    @cached_property
    def besides(self) -> list[Beside]:
        """The run compared with each baseline."""
        return _compare(self.run.id, self.split)

    @property
    def has_scores(self) -> bool:
        """Whether each class has a score of its own."""
        return self.result.scored == "all"

    @cached_property
    def heaps(self) -> dict[str, np.ndarray]:
        """Photo numbers of the class in focus: missed, taken (for it) and found."""
        assert self.class_name is not None
        number = self.result.classes.index(self.class_name)
        return find_heaps(self.result, self.split, number)

    @property
    def small_classes(self) -> str:
        """The number of classes with few photos in the split, in words; "" without any."""
        counts = self.evaluation.per_class["support"]
        few = int((counts < ENOUGH).sum())
        if self.split == "train" or not few:
            return ""
        classes, fewest = count(few, "class"), int(counts.min())
        return f"{classes} with fewer than {ENOUGH} {self.split} photos (fewest: {fewest})"

    @cached_property
    def leaks(self) -> np.ndarray:
        """(m,) photos of the split that also are in train, as copies or near-duplicates."""
        split, train = self.result.splits == self.split, self.result.splits == "train"
        digests = self.dataset.manifest["sha256"].to_numpy()
        learnt, judged = set(digests[train]), np.flatnonzero(split & ~train)
        same = judged[[digest in learnt for digest in digests[judged]]]
        if (quality := cache.quality(self.dataset.id)) is None:
            return same
        near = list_leaking_photos(quality.pairs, self.result.splits, self.split)
        return np.union1d(same, near)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Each class, lowest recall first: shares in percent, intervals in words."""
        both = self.evaluation.per_class
        if self.has_scores:
            areas = self.ranking.per_class.drop(columns="class")
            if self.ranking.macro["roc"].n < self.evaluation.n:  # of a part of these photos
                areas = areas * np.nan
            both = pd.concat([both, areas], axis=1)
        table = both[["class", "support"]].copy()
        for name in (*SHARES, *(AREAS if self.has_scores else ())):
            table[name] = 100 * both[name]
            if name in ("recall", "precision"):
                ends = percent_ranges(both[f"{name}_low"], both[f"{name}_high"])
                table[f"{name}_interval"] = ends
        return table.sort_values("recall", kind="stable")

    @property
    def baselines(self) -> pd.DataFrame:
        """The run and its baselines, the best first: name, accuracy (percent), interval."""
        ordered = sorted(self.besides, key=lambda beside: -beside.accuracy.value)
        rows = [(title_run(self.run), self.besides[0].own)]
        rows += [(NAMES[beside.name], beside.accuracy) for beside in ordered]
        table = pd.DataFrame({"name": [name for name, _ in rows]})
        table["accuracy"] = [100 * one.value for _, one in rows]
        table["interval"] = [
            f"{percent(one.low, one.n)} to {percent(one.high, one.n)}" for _, one in rows
        ]
        return table


def read_metrics(run: RunRecord, split: str) -> MetricsPage:
    """Read what the page shows of a run on a split."""
    result = cache.result(run.id)
    return MetricsPage(
        run=run,
        split=split,
        dataset=cache.dataset(run.recipe.dataset),
        result=result,
        evaluation=cache.evaluation(run.id, split),
        when=cache.result_key(run.id),
        class_name=choose_from("focus", result.classes, None),
    )


def find_heaps(result: RunResult, split: str, class_number: int) -> dict[str, np.ndarray]:
    """Return the photo numbers of a class in a split: missed, taken (for it) and found.

    Mistakes: most confident first; found: least confident first.
    """
    photos = result.photo_numbers(split)
    answers, labels = result.scores[photos].argmax(axis=1), result.labels[photos]
    sure = result.scores[photos].max(axis=1)
    of_class, taken = labels == class_number, answers == class_number

    def order(chosen: np.ndarray, sign: int) -> np.ndarray:
        found = np.flatnonzero(chosen)
        return np.asarray(photos[found[np.argsort(sign * sure[found], kind="stable")]])

    return {
        "missed": order(of_class & ~taken, -1),
        "taken": order(taken & ~of_class, -1),
        "found": order(of_class & taken, 1),
    }


@cache.cached_by(cache.result_key, most=32, wait="Drawing 1,000 resamples …")
def _estimate(run_id: str, split: str) -> Mapping[str, Estimate]:
    answers = cache.result(run_id)
    photos = answers.photo_numbers(split)
    return estimate_agreement(answers.scores[photos], answers.labels[photos], answers.classes)


@cache.cached_by(cache.result_key, most=8, wait="Ranking the photos for each class …")
def _rank(run_id: str, split: str) -> Ranking:
    answers = cache.result(run_id)
    photos = answers.draw_photos(split)
    return rank_classes(answers.scores[photos], answers.labels[photos], answers.classes)


@cache.cached_by(cache.result_key, most=8, wait="Leaving each training photo out …")
def read_left_out(run_id: str) -> Estimate | None:
    """Return the leave-one-out accuracy of the exact head; None where it would mislead."""
    recipe = read_run(cache.workspace(), run_id).recipe
    tuned = recipe.trained_stages > 0 or recipe.is_added
    return leave_out(cache.workspace(), cache.result(run_id), tuned=tuned)


def _has_features(run_id: str, _split: str) -> tuple[float, str | None]:
    """Return when the result was written, and the id of the cached frozen features."""
    recipe = read_run(cache.workspace(), run_id).recipe
    kept = find_frozen_features(cache.workspace(), recipe, cache.result(run_id))
    return cache.result_key(run_id), kept


@cache.cached_by(
    _has_features, most=32, wait="Computing the baselines: once for each run and split …"
)
def _compare(run_id: str, split: str) -> list[Beside]:
    answers = cache.result(run_id)
    run, dataset = read_run(cache.workspace(), run_id), cache.dataset(answers.dataset_id)
    return compare_with_baselines(cache.workspace(), run, answers, dataset, split)
