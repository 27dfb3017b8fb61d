"""The effect of waiting edits on the exact head, predicted before and measured after a version.

The photos that are in validation before and after the edits judge both heads, under their class
after the edits: only the head differs.
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy

from core.config import fingerprint
from core.datasets.edits.tray import apply_edits, list_edits, resolve_edits
from core.errors import FeaturesMissing
from core.evaluation.comparison import Comparison, compare_predictions
from core.evaluation.confusion import count_confusions, list_largest_changes
from core.exact.head import ExactHead, one_hot, split_rows
from core.exact.store import find_source, open_head
from core.formats import points, points_range, say_p, sort_names
from core.kept import Cached, read_cached, write_cached
from core.runs.common_photos import find_common
from core.runs.result import read_result
from core.runs.store import RunRecord, list_trained
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.sources.found import Tell

_KIND = "foretold"
"""Of the cached predictions: part of their ids."""
_COUNTS = ("gained", "lost", "both_right", "both_wrong")
_VERDICTS = {
    "same": "No validation photo changes between correct and wrong",
    "open": "No significant difference",
    "better": "A significant gain",
    "worse": "A significant loss",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIf:
    """The answers of the exact head before and after edits."""

    classes: tuple[str, ...]
    """The classes of the dataset, then new ones."""
    photos: np.ndarray
    """(v,) int64 numbers of the photos that judge."""
    labels: np.ndarray
    """(v,) int64, index into `classes`, after the edits."""
    before: np.ndarray
    """(v,) int64: answers."""
    after: np.ndarray
    moved: int = 0
    """Photos that enter or leave validation. They judge nothing: one head learned from them."""
    corrected: int = 0
    """Judging photos with a new class."""

    @cached_property
    def comparison(self) -> Comparison:
        """The head after the edits against the head before."""
        return compare_predictions(self.labels, self.before, self.after, self.classes)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Changed cells of the confusion matrix, the largest change first: true, predicted (names),
        before, after, change."""
        k = len(self.classes)
        cells = list_largest_changes(
            count_confusions(self.labels, self.after, k),
            count_confusions(self.labels, self.before, k),
        )
        names = np.array(self.classes, dtype=object)
        return cells.assign(
            true=names[cells["true"]] if len(cells) else [],
            predicted=names[cells["predicted"]] if len(cells) else [],
        )

    def find_photos(self, kind: str) -> np.ndarray:
        """Return which photos are of a kind, (v,) bool.

        Args:
            kind: gained (correct only after), lost (correct only before), or turned (two different
                wrong answers).
        """
        right_before, right_after = self.before == self.labels, self.after == self.labels
        if kind == "gained":
            return np.asarray(right_after & ~right_before)
        if kind == "lost":
            return np.asarray(right_before & ~right_after)
        return np.asarray((self.before != self.after) & ~right_before & ~right_after)

    def find_moved(self, true: str, predicted: str | None) -> np.ndarray:
        """Return which photos enter or leave a cell, (v,) bool; None: any cell of the class."""
        of_class = self.labels == self.classes.index(true)
        if predicted is None:
            return np.asarray(of_class & (self.before != self.after))
        column = self.classes.index(predicted)
        return np.asarray(of_class & ((self.before == column) != (self.after == column)))


class Change(NamedTuple):
    """The photos after the edits."""

    labels: np.ndarray
    """(n,) int, index into the head's classes, which new classes follow."""
    train: np.ndarray
    """(m′,) int, ascending: the training photos."""
    n_classes: int
    """With the new ones."""


def _change_weights(head: ExactHead, change: Change) -> np.ndarray:
    """Return the change of the head's coefficients, (r, k′), without a refit.

    λ, temperature and standardisation do not change. Outputs are linear in the labels, and a few
    more or fewer photos change (A + λI)⁻¹ by a small matrix (Woodbury).

    Relabelled photos add their rows times the change of their targets. Photos that leave (-1) or
    enter (1) the training photos add (A + λI)⁻¹Xᵀ(D⁻¹ + H)⁻¹(Y - XW): D is the diagonal of -1 and
    1, H = X(A + λI)⁻¹Xᵀ of these photos, W the earlier head with the new labels.
    """
    width = change.n_classes
    staying = np.intersect1d(head.train, change.train)
    relabelled = staying[head.labels[staying] != change.labels[staying]]
    turn = np.zeros((len(head.weights), width))
    weights = 1 / (head.eigenvalues + head.ridge)
    if len(relabelled):
        targets = one_hot(change.labels[relabelled], width)
        targets -= one_hot(head.labels[relabelled], width)
        turn += head.rows[relabelled].T @ targets
    leaving = np.setdiff1d(head.train, change.train)
    entering = np.setdiff1d(change.train, head.train)
    if len(leaving) or len(entering):
        moving = np.concatenate([leaving, entering])
        rows = head.rows[moving].astype(np.float64)
        outputs = _widen(head.outputs[moving], width) + (rows * weights) @ turn
        true = np.concatenate([head.labels[leaving], change.labels[entering]])
        signs = np.repeat([-1.0, 1.0], [len(leaving), len(entering)])
        inner = (rows * weights) @ rows.T + np.diag(signs)
        apart = scipy.linalg.solve(inner, one_hot(true, width) - outputs, assume_a="sym")
        turn += rows.T @ apart
    return turn * weights[:, None]


def answer_changed(head: ExactHead, change: Change, photos: np.ndarray) -> np.ndarray:
    """Return the outputs (v, k′) for photos (v,) after the change."""
    turn = _change_weights(head, change).astype(head.rows.dtype)
    outputs = _widen(head.outputs[photos], change.n_classes).astype(head.rows.dtype)
    for block in split_rows(len(photos)):
        outputs[block] += head.rows[photos[block]] @ turn
    return outputs


def _widen(outputs: np.ndarray, width: int) -> np.ndarray:
    """Return the outputs (b, k) with columns of 0 for new classes."""
    return np.pad(outputs, ((0, 0), (0, width - outputs.shape[1])))


def predict_effect(head: ExactHead, dataset: Dataset, changes: pd.DataFrame) -> WhatIf:
    """Return the effect of edits on the exact head of their dataset.

    Args:
        changes: From `resolve_edits`.
    """
    new = [name for name in changes["new_class"].unique() if name not in dataset.classes]
    classes = (*dataset.classes, *sort_names(new))
    number = {name: place for place, name in enumerate(classes)}
    labels, splits = dataset.labels.copy(), np.array(dataset.splits, dtype=object)
    photos = changes["photo"].to_numpy()
    labels[photos] = changes["new_class"].map(number).to_numpy(dtype=np.int64)
    splits[photos] = changes["new_split"].to_numpy()
    splits[photos[changes["excluded"].to_numpy()]] = ""
    train = np.flatnonzero(splits == "train")
    was, will = dataset.splits == "validation", splits == "validation"
    judged = np.flatnonzero(was & will)
    change = Change(labels=labels, train=train, n_classes=len(classes))
    outputs = answer_changed(head, change, judged)
    taught = np.isin(np.arange(len(classes)), labels[train])
    return WhatIf(
        classes=classes,
        photos=judged,
        labels=labels[judged],
        before=head.outputs[judged].argmax(axis=1),
        after=np.where(taught, outputs, -np.inf).argmax(axis=1),
        moved=int((was != will).sum()),
        corrected=int((labels[judged] != dataset.labels[judged]).sum()),
    )


def say_verdict(compared: Comparison) -> str:
    """Return in words whether the effect of edits is significant."""
    verdict = compared.judge()
    if verdict == "same":
        return f"{_VERDICTS[verdict]}."
    ends = points_range(*compared.interval, compared.n)
    return f"{_VERDICTS[verdict]}. 95 % interval {ends} points, {say_p(compared.p_value)}."


def apply_and_predict(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the version that the tray makes, and cache its predicted effect if a head is ready.

    Raises:
        As `apply_edits`.
    """
    edits = list_edits(workspace, dataset.id)
    effect = _predict_now(workspace, dataset, resolve_edits(dataset, edits)) if edits else None
    made = apply_edits(workspace, dataset, name=name, on_progress=on_progress)
    if effect is not None and made.parent == dataset.id:  # else the edits lead back to it
        write_cached(workspace, replace(effect, id=_identify_effect(made), dataset=made.id))
    return made


def find_outcome(
    workspace: Workspace, version: Dataset
) -> tuple[RunRecord, RunRecord, Comparison] | None:
    """Return a run of a version's parent, the newest run of the version, and their comparison.

    The parent's run of the same recipe is preferred, else its newest. None without both runs.
    """
    if version.parent is None:
        return None
    after = [run for run in list_trained(workspace, version.id) if run.state == "done"]
    before = [run for run in list_trained(workspace, version.parent) if run.state == "done"]
    if not after or not before:
        return None
    wanted = {**asdict(after[0].recipe), "dataset": version.parent}
    same = [run for run in before if asdict(run.recipe) == wanted]
    baseline = (same or before)[0]
    results = read_result(workspace, baseline.id), read_result(workspace, after[0].id)
    common = find_common(*results, "validation", partial(read_dataset, workspace))
    return baseline, after[0], compare_predictions(*common.answers)


def describe_effect(workspace: Workspace, version: Dataset) -> str:
    """Return the predicted and the measured effect of a version in words; "" if not predicted."""
    found = read_cached(workspace, _identify_effect(version))
    if found is None:
        return ""
    counts = found.rest
    n = sum(counts[name] for name in _COUNTS)
    predicted = (counts["gained"] - counts["lost"]) / max(n, 1)
    words = f"Predicted by the exact head: {points(predicted, n)} (n = {n:,})"
    outcome = find_outcome(workspace, version)
    if outcome is None:
        return f"{words}. To measure it, train this version and its parent."
    before, after, compared = outcome
    runs = f"run {after.number} vs. {before.number}"
    measured = f"{points(compared.difference, compared.n)} (n = {compared.n:,}, {runs})"
    return f"{words}; measured: {measured}."


def _identify_effect(version: Dataset) -> str:
    return fingerprint({"kind": _KIND, "dataset": version.id})


def _predict_now(workspace: Workspace, dataset: Dataset, changes: pd.DataFrame) -> Cached | None:
    """Return the counts of the predicted effect; None without a head that is ready."""
    try:
        source = find_source(workspace, dataset)
    except FeaturesMissing:
        return None
    head = open_head(workspace, source.id)
    if head is None or changes.empty:
        return None
    compared = predict_effect(head, dataset, changes).comparison
    return source.describe("", _KIND, **{name: getattr(compared, name) for name in _COUNTS})
