"""What the quality page notes in the tray, and what the tray already says of a photo."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from core.datasets.edits.tray import add_edits, list_edits, merge_duplicates, resolve_edits
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, tell_after_rerun
from data.dataset import Dataset
from data.splits import SPLITS


class TrayState:
    """What a dataset will be when its tray is applied; read once a page run."""

    def __init__(self, dataset: Dataset) -> None:
        changes = resolve_edits(dataset, list_edits(cache.workspace(), dataset.id))
        self._changes = {int(row["photo"]): row for row in changes.to_dict("records")}

    def describe(self, photo: int) -> str:
        """Returns what will become of a photo, in words; empty when it stays as it is."""
        change = self._changes.get(photo)
        if change is None:
            return ""
        if change["excluded"]:
            return "excluded"
        words = []
        if change["new_class"] != change["class"]:
            words.append(f"relabelled to {plain(str(change['new_class']), 30)}")
        if change["new_split"] != change["split"]:
            words.append(f"moved to {change['new_split']}")
        return ", ".join(words)

    def settles(self, pair: pd.Series, finding: str) -> bool:
        """Returns whether the edits do away with a pair as a finding of this kind."""
        sides = [self._changes.get(int(pair[side])) for side in ("a", "b")]
        if any(side is not None and side["excluded"] for side in sides):
            return True
        if finding == "leak":
            return self._agree(pair, "new_split", "split_a", "split_b")
        return finding == "across" and self._agree(pair, "new_class", "class_a", "class_b")

    def _agree(self, pair: pd.Series, what: str, *columns: str) -> bool:
        values = set()
        for side, column in zip(("a", "b"), columns, strict=True):
            change = self._changes.get(int(pair[side]))
            values.add(pair[column] if change is None else change[what])
        return len(values) == 1


def name_sides(dataset: Dataset, pairs: pd.DataFrame) -> pd.DataFrame:
    """Returns the pairs with class and split of both: class_a, class_b, split_a, split_b."""
    named = {}
    for side in ("a", "b"):
        rows = pairs[side].to_numpy(dtype=np.int64)
        for column in ("class", "split"):
            named[f"{column}_{side}"] = dataset.manifest[column].to_numpy()[rows]
    return pairs.assign(**named)


def merge(dataset: Dataset, pairs: Sequence[tuple[int, int]], keep: int | None = None) -> None:
    """Notes that one photo of each pair stays: `keep`, or the first of train."""
    _note(
        lambda: merge_duplicates(
            cache.workspace(), dataset, pairs, keep=None if keep is None else [keep]
        ),
        f"{count(len(pairs), 'duplicate pair')} merged",
    )


def exclude(dataset: Dataset, photos: Sequence[int], why: str) -> None:
    """Notes that the photos leave."""
    _note(
        lambda: add_edits(cache.workspace(), dataset, photos, "exclude", note=why),
        f"{count(len(photos), 'photo')} excluded",
    )


def relabel(dataset: Dataset, photo: int, class_name: str, why: str) -> None:
    """Notes that the photo goes to another class."""
    _note(
        lambda: add_edits(cache.workspace(), dataset, [photo], "relabel", class_name, why),
        f"1 photo relabelled to “{plain(class_name, 40)}”",
    )


def move_twins(dataset: Dataset, pairs: pd.DataFrame) -> None:
    """Notes that each photo goes to the earliest split that it, or a twin of a twin, stands in.

    Splits stand in the order train, validation, test; so what leaks out of train goes back to it.
    """
    order = {split: place for place, split in enumerate(SPLITS)}
    places = {int(row.a): order[row.split_a] for row in pairs.itertuples()}
    places |= {int(row.b): order[row.split_b] for row in pairs.itertuples()}
    goals, changed = dict(places), True
    while changed:
        changed = False
        for a, b in zip(pairs["a"].tolist(), pairs["b"].tolist(), strict=True):
            earliest = min(goals[a], goals[b])
            changed |= goals[a] != goals[b]
            goals[a] = goals[b] = earliest
    for place, split in enumerate(SPLITS):
        moved = [photo for photo, goal in goals.items() if goal == place != places[photo]]
        if moved:
            _move(dataset, sorted(moved), split)


def _move(dataset: Dataset, photos: Sequence[int], split: str) -> None:
    _note(
        lambda: add_edits(
            cache.workspace(), dataset, photos, "move", split, "its twin stands there"
        ),
        f"{count(len(photos), 'photo')} moved to {split}",
    )


def _note(make: Callable[[], int], sentence: str) -> None:
    """Notes an edit and says so; the line of the tray has the way back."""
    try:
        make()
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        show_problem(error.problem, error.remedy)
    else:
        tell_after_rerun(f"{sentence}, when the tray is applied")
