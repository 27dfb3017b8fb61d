"""What waiting edits would do to the exact head, and what came of it once they were applied.

Judged are the photos that are in validation before and after the edits, under the class that they
will have: what differs is then the head, not the question.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from core.config import fingerprint
from core.datasets.edits.applying import apply_edits
from core.datasets.edits.tray import list_edits, resolve_edits
from core.errors import FeaturesMissing
from core.evaluation.comparison import Comparison, compare_predictions
from core.evaluation.confusion import count_confusions, list_largest_changes
from core.exact.store import HeadSource, find_source, open_head
from core.formats import count, points, say_p
from core.instant.change import Change, answer_changed
from core.instant.head import ExactHead
from core.kept import read_cached, write_cached
from core.runs.common_photos import find_common
from core.runs.result import read_result
from core.runs.store import RunRecord, list_runs
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import Progress
from data.manifest import read_dataset

_KIND = "foretold"
_COUNTS = ("gained", "lost", "both_right", "both_wrong")


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIf:
    """The exact head before and after edits, on the photos that both can be judged by."""

    classes: tuple[str, ...]
    """Those of the dataset, then the new ones."""
    photos: np.ndarray
    """(v,) int64 photo numbers."""
    labels: np.ndarray
    """(v,) int64, index into `classes`, as they will be; so are the predictions."""
    before: np.ndarray
    after: np.ndarray
    entering: int
    """Photos that come into validation: not judged, the head of before has learned from them."""
    leaving: int
    """Photos that leave validation."""
    corrected: int
    """Judged photos that get another class."""

    @cached_property
    def comparison(self) -> Comparison:
        """How the head after the edits does beside the one before."""
        return compare_predictions(self.labels, self.before, self.after, self.classes)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The cells of the confusion matrix that change: true, predicted (names), before, after,
        change; the largest change first."""
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
            kind: gained (right only after), lost (right only before), or turned (another answer,
                wrong both times).
        """
        right_before, right_after = self.before == self.labels, self.after == self.labels
        if kind == "gained":
            return np.asarray(right_after & ~right_before)
        if kind == "lost":
            return np.asarray(right_before & ~right_after)
        return np.asarray((self.before != self.after) & ~right_before & ~right_after)

    def find_moved(self, true: str, predicted: str | None) -> np.ndarray:
        """Return which photos come into or leave a cell, (v,) bool; None: any photo of the class
        that is answered otherwise."""
        of_class = self.labels == self.classes.index(true)
        if predicted is None:
            return np.asarray(of_class & (self.before != self.after))
        column = self.classes.index(predicted)
        return np.asarray(of_class & ((self.before == column) != (self.after == column)))


def foretell(head: ExactHead, dataset: Dataset, changes: pd.DataFrame) -> WhatIf:
    """Return what edits would do to the exact head of their dataset.

    Args:
        changes: From `resolve_edits`.
    """
    new = [name for name in changes["new_class"].unique() if name not in dataset.classes]
    classes = (*dataset.classes, *sorted(new))
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
        entering=int((will & ~was).sum()),
        leaving=int((was & ~will).sum()),
        corrected=int((labels[judged] != dataset.labels[judged]).sum()),
    )


def say_verdict(compared: Comparison) -> str:
    """Return in words whether what edits do to the exact head is more than chance."""
    verdict = compared.judge()
    if verdict == "same":
        return "No validation photo changes between right and wrong."
    if verdict == "open":
        first = "Too little to tell from chance"
    else:
        first = f"A {'gain' if verdict == 'better' else 'loss'}, and unlikely to be chance"
    low, high = (points(end, compared.n).split()[0] for end in compared.interval)
    return f"{first}. 95 % interval {low} to {high} points, {say_p(compared.p_value)}."


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """What was foretold when a version was made: of so many validation photos, judged by the
    exact head."""

    gained: int
    lost: int
    both_right: int
    both_wrong: int
    engine: str
    """The features that the exact head stood on."""

    @property
    def n(self) -> int:
        return self.gained + self.lost + self.both_right + self.both_wrong

    @property
    def difference(self) -> float:
        """-1 to 1."""
        return (self.gained - self.lost) / self.n if self.n else 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a version: its run beside the one of its parent, on their common photos."""

    before: RunRecord
    after: RunRecord
    comparison: Comparison


def apply_foretold(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Return the version that the tray makes; what the exact head foretells of it is kept.

    Without a head that is ready nothing is foretold.

    Raises:
        As `apply_edits`.
    """
    edits = list_edits(workspace, dataset.id)
    told = _foretell_now(workspace, dataset, resolve_edits(dataset, edits)) if edits else None
    made = apply_edits(workspace, dataset, name=name, on_progress=on_progress)
    if told is not None and made.parent == dataset.id:  # else the edits lead back to it
        source, whatif = told
        compared = whatif.comparison
        numbers = {name: getattr(compared, name) for name in _COUNTS}
        facts = source.describe(_name_foretold(made), _KIND, **numbers)
        write_cached(workspace, replace(facts, dataset=made.id))
    return made


def read_foretold(workspace: Workspace, version: Dataset) -> Foretold | None:
    """Return what was foretold of a version; None where nothing was."""
    found = read_cached(workspace, _name_foretold(version))
    return None if found is None else Foretold(**found.rest, engine=found.label)


def find_outcome(workspace: Workspace, version: Dataset) -> Outcome | None:
    """Return how the newest run of a version does beside one of its parent; None without both.

    The parent's run of the same recipe is taken where there is one, else its newest.
    """
    if version.parent is None:
        return None
    after = [run for run in list_runs(workspace, version.id) if run.state == "done"]
    before = [run for run in list_runs(workspace, version.parent) if run.state == "done"]
    if not after or not before:
        return None
    wanted = {**asdict(after[0].recipe), "dataset": version.parent}
    same = [run for run in before if {**asdict(run.recipe), "dataset": version.parent} == wanted]
    baseline = (same or before)[0]
    results = read_result(workspace, baseline.id), read_result(workspace, after[0].id)
    common = find_common(*results, "validation", partial(read_dataset, workspace))
    compared = compare_predictions(*common.answers)
    return Outcome(before=baseline, after=after[0], comparison=compared)


def describe_foretold(workspace: Workspace, version: Dataset) -> str:
    """Return in words what was foretold of a version, and what came of it; "" without."""
    told = read_foretold(workspace, version)
    if told is None:
        return ""
    words = f"Foretold by the exact head: {_say_difference(told.difference, told.n)}"
    came = find_outcome(workspace, version)
    if came is None:
        return f"{words}. No run of it and of its parent yet to see what came."
    compared, runs = came.comparison, f"run {came.after.number} beside run {came.before.number}"
    return f"{words}; came: {_say_difference(compared.difference, compared.n)} ({runs})."


def _say_difference(difference: float, n: int) -> str:
    return f"{points(difference, n)} on {count(n, 'validation photo')}"


def _name_foretold(version: Dataset) -> str:
    return fingerprint({"kind": _KIND, "dataset": version.id})


def _foretell_now(
    workspace: Workspace, dataset: Dataset, changes: pd.DataFrame
) -> tuple[HeadSource, WhatIf] | None:
    try:
        source = find_source(workspace, dataset)
    except FeaturesMissing:
        return None
    head = open_head(workspace, source.id)
    if head is None or changes.empty:
        return None
    return source, foretell(head, dataset, changes)
