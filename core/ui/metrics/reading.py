"""Everything that the metrics page shows, read once: address and caches → one `MetricsPage`.

In the URL: `focus` (a class). Costly parts are computed when they are first drawn, then cached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.datasets.quality.store import list_leaking_photos
from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import NAMES, Beside
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.ranking import Ranking, rank_classes
from core.exact.left_out import leave_out
from core.formats import count, percent, percent_ranges
from core.prediction.nearest import compare_with_baselines, find_frozen_features
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.pickers import title_run
from core.ui.parts.state import choose_from
from data.report import ENOUGH

SHARES = ("recall", "precision", "f1")
AREAS = ("roc_auc", "average_precision")


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricsPage(cache.RunPage):
    """How good a run is on the photos of a split."""

    class_name: str | None
    """The class in focus."""

    @cached_property
    @cache.cached_by(cache.page_key, most=64)
    def evaluation(self) -> Evaluation:
        """The metrics, of each class too."""
        answers, photos = self.result, self.result.photo_numbers(self.split)
        return evaluate_scores(answers.scores[photos], answers.labels[photos], answers.classes)

    @cached_property
    @cache.cached_by(cache.page_key, most=32, wait="Drawing 1,000 resamples …")
    def figures(self) -> Mapping[str, Estimate]:
        """Figures over all classes, by name."""
        answers, photos = self.result, self.result.photo_numbers(self.split)
        return estimate_agreement(answers.scores[photos], answers.labels[photos], answers.classes)

    @cached_property
    @cache.cached_by(cache.page_key, most=8, wait="Ranking the photos for each class …")
    def ranking(self) -> Ranking:
        """ROC and precision-recall curves of the classes, and their areas."""
        answers, photos = self.result, self.result.draw_photos(self.split)
        return rank_classes(answers.scores[photos], answers.labels[photos], answers.classes)

    @property
    def frozen(self) -> str | None:
        """The id of the cached features of the frozen backbone; None without."""
        return find_frozen_features(cache.workspace(), self.run.recipe, self.result)

    @cached_property
    @cache.cached_by(
        lambda page: (*cache.page_key(page), page.frozen),
        most=32,
        wait="Computing the baselines: once for each run and split …",
    )
    def besides(self) -> list[Beside]:
        """The run compared with each baseline."""
        home = cache.workspace()
        return compare_with_baselines(home, self.run, self.result, self.dataset, self.split)

    @cached_property
    @cache.cached_by(cache.run_key, most=8, wait="Leaving each training photo out …")
    def left_out(self) -> Estimate | None:
        """The leave-one-out accuracy of the exact head; None where it would mislead."""
        tuned = self.run.recipe.trained_stages > 0 or self.run.recipe.is_added
        return leave_out(cache.workspace(), self.result, tuned=tuned)

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
    class_name = choose_from("focus", cache.result(run.id).classes, None)
    return MetricsPage(run=run, split=split, class_name=class_name)


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
