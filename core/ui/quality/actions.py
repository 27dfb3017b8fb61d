"""What the quality page notes in the tray; called by its buttons."""

from collections.abc import Callable, Sequence

import pandas as pd

from core.datasets.edits.tray import add_edits, merge_duplicates
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, tell_after_rerun
from data.dataset import Dataset
from data.splits import SPLITS


def merge(dataset: Dataset, pairs: Sequence[tuple[int, int]], keep: int | None = None) -> None:
    """Note that one photo of each pair stays: `keep`, or the first of train."""
    kept = None if keep is None else [keep]
    _note(
        lambda: merge_duplicates(cache.workspace(), dataset, pairs, keep=kept),
        f"{count(len(pairs), 'duplicate pair')} merged",
    )


def exclude(dataset: Dataset, photos: Sequence[int], why: str) -> None:
    """Note that the photos leave."""
    _note(
        lambda: add_edits(cache.workspace(), dataset, photos, "exclude", note=why),
        f"{count(len(photos), 'photo')} excluded",
    )


def relabel(dataset: Dataset, photo: int, class_name: str, why: str) -> None:
    """Note that the photo goes to another class."""
    _note(
        lambda: add_edits(cache.workspace(), dataset, [photo], "relabel", class_name, why),
        f"1 photo relabelled to “{plain(class_name, 40)}”",
    )


def move_twins(dataset: Dataset, pairs: pd.DataFrame) -> None:
    """Note that each photo goes to the earliest split that it, or a twin of a twin, is in.

    The order is train, validation, test; so what leaks out of train goes back to it.
    """
    order = {split: place for place, split in enumerate(SPLITS)}
    places = {int(row.a): order[row.split_a] for row in pairs.itertuples()}
    places |= {int(row.b): order[row.split_b] for row in pairs.itertuples()}
    goals, changed = dict(places), True
    while changed:
        changed = False
        for a, b in zip(pairs["a"].tolist(), pairs["b"].tolist(), strict=True):
            changed |= goals[a] != goals[b]
            goals[a] = goals[b] = min(goals[a], goals[b])
    for place, split in enumerate(SPLITS):
        moved = sorted(photo for photo, goal in goals.items() if goal == place != places[photo])
        if moved:
            _move(dataset, moved, split)


def _move(dataset: Dataset, photos: Sequence[int], split: str) -> None:
    why = "its twin stands there"
    _note(
        lambda: add_edits(cache.workspace(), dataset, photos, "move", split, why),
        f"{count(len(photos), 'photo')} moved to {split}",
    )


def _note(make: Callable[[], int], sentence: str) -> None:
    """Note an edit and say so; the line of the tray has the way back."""
    try:
        make()
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        show_problem(error.problem, error.remedy)
    else:
        tell_after_rerun(f"{sentence}, when the tray is applied")
