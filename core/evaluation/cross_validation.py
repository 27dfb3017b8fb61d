"""How good a head is on photos that it has not learnt from, told by heads that left them out.

Every photo of a small set is judged, several times, where a validation split judges a few of them
once: the pooled share of right answers rests on all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.intervals import Estimate, wilson_interval
from core.formats import count, interval, percent

FEW = 3
"""Photos of a class, up to which its cross-validated recall stands in place of theirs."""
_WORTH = 1.5
"""So many photos that were judged in turn are worth one that was kept apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """What heads that left photos out say of them."""

    accuracy: Estimate
    """n: photos that were judged."""
    per_class: pd.DataFrame
    """class, support (photos judged), recall, recall_low, recall_high; NaN of no photo."""
    repeats: int
    folds: int
    left_out: int
    """Photos that could not be judged: their class has too few others to learn from."""

    @property
    def figure(self) -> str:
        """The accuracy with its interval, or that there is none, in words."""
        n, one = self.accuracy.n, self.accuracy
        if not n:
            return "No cross-validated accuracy"
        return f"Cross-validated accuracy {percent(one.value, n)}, {interval(one.low, one.high, n)}"

    @property
    def method(self) -> str:
        """How it was found, in one or two sentences."""
        heads = (
            f"{self.repeats * self.folds} heads like this run's, without augmentation, each judged "
            "by the fifth of the train and validation photos that it had not seen."
        )
        alone = (
            f"{count(self.left_out, 'photo')} could not be judged so: of classes with fewer than 4 "
            "that are no copies of each other."
        )
        return " ".join([heads] * bool(self.accuracy.n) + [alone] * bool(self.left_out))

    def say_recall(self, number: int, photos: int) -> str:
        """Return the recall of a class in words; "" where its photos tell more, or it has none."""
        judged = self.per_class.iloc[number]
        n = int(judged["support"])
        if photos > FEW or n <= photos:
            return ""
        ends = interval(judged["recall_low"], judged["recall_high"], n)
        return f"cross-validated recall {percent(judged['recall'], n)} ({ends})"


def judge_folds(
    answers: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: Sequence[str], folds: int
) -> CrossValidation:
    """Return what answers for photos that were left out say.

    Args:
        answers: (r, n) int, of each repeat the class that was answered; -1: the photo was in none.
        groups: (n,) int; copies of a photo share a group, and count as one in the intervals.
        folds: In how many parts each repeat left the photos out.

    Source:
        E. B. Wilson (1927) for the interval, of the share of right answers over all repeats. Photos
        that were judged by heads which learnt from each other's photos say less than independent
        ones (C. Nadeau and Y. Bengio (2003), Machine Learning 52, 239-281; S. Bates et al. (2024),
        JASA 119, 1434-1445): 1.5 of them count as one. So it covered the accuracy of the run's own
        head in 93 to 100 of 100 simulated sets of 2 and 5 classes and in 90 to 100 of 20 classes
        (40 sets each), of 4 to 40 photos a class and accuracies from 0.1 to 0.99, with and without
        copies; the corrected t interval of the folds' shares covered 22 to 98
        (tests/bench/cross_validation.py).
    """
    judged = answers[0] >= 0
    right = (answers == labels)[:, judged].mean(axis=0)
    of = labels[judged]
    rows = [
        {"class": name, **_estimate(right[of == number], groups[judged][of == number])}
        for number, name in enumerate(classes)
    ]
    whole = _estimate(right, groups[judged])
    return CrossValidation(
        accuracy=Estimate(
            value=whole["recall"],
            low=whole["recall_low"],
            high=whole["recall_high"],
            n=int(whole["support"]),
            method="Wilson",
        ),
        per_class=pd.DataFrame(rows),
        repeats=len(answers),
        folds=folds,
        left_out=int((~judged).sum()),
    )


def replace_recalls(per_class: pd.DataFrame, found: CrossValidation | None) -> pd.DataFrame:
    """Return the metrics of classes with the cross-validated recall where FEW photos would tell it.

    Args:
        per_class: Table of `core.evaluation.metrics.Evaluation`, of validation photos.
        found: None: nothing is replaced.

    Returns:
        The table; recall, recall_low and recall_high may be others, and recall_n is new: the photos
        that were left out for them, 0 where they are those of the table.
    """
    table = per_class.assign(recall_n=0)
    if found is None:
        return table
    judged = found.per_class
    rows = ((table["support"] <= FEW) & (judged["support"] > table["support"])).to_numpy()
    for name in ("recall", "recall_low", "recall_high"):
        table.loc[rows, name] = judged.loc[rows, name]
    return table.assign(recall_n=np.where(rows, judged["support"], 0))


def _estimate(right: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    n, share = len(right), float(right.mean()) if len(right) else np.nan
    worth = max(1, round(len(np.unique(groups)) / _WORTH)) if n else 0
    low, high = wilson_interval(share * worth, worth) if n else (np.nan, np.nan)
    return {"support": n, "recall": share, "recall_low": low, "recall_high": high}
