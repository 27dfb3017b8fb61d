"""What edits come to: the last relabel and the last move of a photo win, an exclusion hides it.

Pure: nothing is read or written. A restore cancels all edits of its photo that came before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import numpy as np
import pandas as pd

from data.dataset import Dataset

Action = Literal["relabel", "exclude", "move", "restore"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHANGES = ("photo", "path", "class", "new_class", "split", "new_split", "excluded", "note")
"""Columns of resolved edits."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One wish for one photo; those of one step share a batch. `value`: a class, a split or ""."""

    number: int
    batch: int
    dataset: str
    path: str
    action: Action
    value: str
    note: str
    created: datetime


@dataclass
class _Outcome:
    class_name: str | None = None
    split: str | None = None
    excluded: bool = False
    note: str = ""


def resolve_edits(dataset: Dataset, edits: Iterable[Edit]) -> pd.DataFrame:
    """Returns one row for each photo that the edits change, by photo number.

    Columns: photo (its number), path, class, new_class, split, new_split, excluded (bool), note
    (that of the last edit that has one). Edits that change nothing are left out.
    """
    outcomes = _combine_edits(edits)
    photos = pd.Index(dataset.manifest["path"]).get_indexer(pd.Index(list(outcomes), dtype=object))
    rows = []
    for photo, (path, outcome) in zip(photos.tolist(), outcomes.items(), strict=True):
        if photo < 0:  # never noted for a photo that is not there: an altered database
            continue
        class_name = str(dataset.manifest["class"].iat[photo])
        split = str(dataset.manifest["split"].iat[photo])
        new_class, new_split = outcome.class_name or class_name, outcome.split or split
        if outcome.excluded or (new_class, new_split) != (class_name, split):
            cells = (class_name, new_class, split, new_split, outcome.excluded, outcome.note)
            rows.append((photo, path, *cells))
    table = pd.DataFrame(rows, columns=list(CHANGES))
    kinds = {"photo": np.int64, "excluded": np.bool_}
    return table.astype(kinds).sort_values("photo", ignore_index=True)


def _combine_edits(edits: Iterable[Edit]) -> dict[str, _Outcome]:
    outcomes: dict[str, _Outcome] = {}
    for edit in edits:
        if edit.action == "restore":
            outcomes.pop(edit.path, None)
            continue
        outcome = outcomes.setdefault(edit.path, _Outcome())
        outcome.note = edit.note or outcome.note
        if edit.action == "relabel":
            outcome.class_name = edit.value
        elif edit.action == "move":
            outcome.split = edit.value
        else:
            outcome.excluded = True
    return outcomes
