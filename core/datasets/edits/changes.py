"""Edits of photos: check them, combine them, and choose the photo of a group of copies that stays.

Pure. The last relabel and the last move of a photo win, an exclusion hides it, and a restore
cancels all earlier edits of its photo.
"""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from core.errors import EditRefused
from core.formats import check_note
from data.dataset import Dataset
from data.sources.names import fold_name
from data.splits import SPLITS, number_groups
from data.versions import CHANGES_COLUMNS

Action = Literal["relabel", "exclude", "move", "restore"]
ACTIONS: tuple[Action, ...] = get_args(Action)
LONGEST_NOTE = 500
_LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit of one photo; the edits of one step share a batch. `value`: class, split or ""."""

    number: int
    batch: int
    dataset: str
    path: str
    action: Action
    value: str
    note: str
    created: datetime


def resolve_edits(dataset: Dataset, edits: Iterable["Edit | Wish"]) -> pd.DataFrame:
    """Return one row for each photo that the edits change, by photo number.

    Columns: photo (its number), path, class, new_class, split, new_split, excluded (bool), note
    (the last one). Edits without an effect are left out.
    """
    outcomes = _combine_edits(edits)
    paths, rows = dataset.manifest["path"], []
    for photo in np.flatnonzero(paths.isin(list(outcomes))).tolist():
        path = str(paths.iat[photo])
        outcome = outcomes[path]
        class_name = str(dataset.manifest["class"].iat[photo])
        split = str(dataset.manifest["split"].iat[photo])
        new_class, new_split = outcome.get("relabel", class_name), outcome.get("move", split)
        excluded = "exclude" in outcome
        if excluded or (new_class, new_split) != (class_name, split):
            cells = (class_name, new_class, split, new_split, excluded, outcome["note"])
            rows.append((photo, path, *cells))
    table = pd.DataFrame(rows, columns=CHANGES_COLUMNS)
    kinds = {"photo": np.int64, "excluded": np.bool_}
    return table.astype(kinds).sort_values("photo", ignore_index=True)


def _combine_edits(edits: Iterable["Edit | Wish"]) -> dict[str, dict[str, str]]:
    """Return path → action → its last value, and “note” → the last note."""
    outcomes: dict[str, dict[str, str]] = {}
    for edit in edits:
        if edit.action == "restore":
            outcomes.pop(edit.path, None)
            continue
        outcome = outcomes.setdefault(edit.path, {"note": ""})
        outcome |= {edit.action: edit.value, "note": edit.note or outcome["note"]}
    return outcomes


class Wish(NamedTuple):
    """An edit that is not stored yet."""

    path: str
    action: str
    value: str = ""
    note: str = ""


def settle_wish(wish: Wish, known: list[str]) -> Wish:
    """Return the edit in its stored form; a new class is added to `known`.

    Raises:
        EditRefused: The action, split or class is impossible, or the note is too long.
    """
    note = check_note(wish.note, LONGEST_NOTE, EditRefused)
    if wish.action not in ACTIONS:
        raise EditRefused(
            f"Unknown edit “{wish.action[:40]}”.", f"Choose one of: {', '.join(ACTIONS)}."
        )
    value = ""
    if wish.action == "relabel":
        value = settle_class(wish.value, known)
        if value not in known:
            known.append(value)
    elif wish.action == "move":
        value = wish.value.strip().lower()
        if value not in SPLITS:
            raise EditRefused(
                f"“{wish.value[:40]}” is not a split.", f"Choose one of: {', '.join(SPLITS)}."
            )
    return Wish(wish.path, wish.action, value, note)


def settle_class(name: str, known: Sequence[str]) -> str:
    """Return the class of a typed name; case and spaces may differ from a known class.

    Raises:
        EditRefused: The name is not possible, or fits several known classes.
    """
    if name in known:
        return name
    settled = " ".join(unicodedata.normalize("NFC", name).split())
    if not settled:
        raise EditRefused("The class needs a name.", "Type the name of a class.")
    if settled in known:
        return settled
    meant = [other for other in known if fold_name(other) == fold_name(settled)]
    if len(meant) > 1:
        raise EditRefused(
            f"“{settled}” fits several classes: {', '.join(f'“{other}”' for other in meant)}.",
            "Type the exact name of the class.",
        )
    return meant[0] if meant else _check_new_name(settled)


def _check_new_name(name: str) -> str:
    odd = name.startswith(".") or set(name) & set("/\\")
    if odd or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise EditRefused(
            f"“{name[:_LONGEST_NAME]}” cannot be a class: the name must also work as a folder.",
            "Remove slashes, a dot at the start and invisible characters.",
        )
    if len(name) > _LONGEST_NAME:
        raise EditRefused(
            f"This name has {len(name)} characters; a class has at most {_LONGEST_NAME}.",
            "Choose a shorter name.",
        )
    return name


def choose_leaving(
    dataset: Dataset,
    changes: pd.DataFrame,
    groups: Sequence[Sequence[int]],
    keep: Sequence[int] | None,
) -> list[int]:
    """Return the photo numbers of all but one photo of each group, ascending.

    Args:
        changes: Resolved edits that wait; photos that they exclude do not count.
        groups: Copies; groups that share a photo are one group.
        keep: The photos that stay; None: the first of train, validation, test, then by path.

    Raises:
        EditRefused: A group spans classes without `keep`, `keep` does not name one photo of a
            group, a photo is not in the dataset, or nothing is left to merge.
    """
    if any(not 0 <= photo < len(dataset) for group in groups for photo in group):
        raise EditRefused(
            "A photo of the groups is not in the dataset.", "Find the duplicates again."
        )
    manifest = dataset.manifest[["path", "class", "split"]].copy()
    changed = changes["photo"].to_numpy()
    manifest.iloc[changed, 1:] = changes[["new_class", "new_split"]].to_numpy()
    gone = set(changes.loc[changes["excluded"], "photo"].tolist())
    leaving: list[int] = []
    ends = [(group[0], photo) for group in groups for photo in group]
    pairs = pd.DataFrame(ends, columns=["a", "b"], dtype=np.int64)
    for _, group in pairs["b"].groupby(number_groups(pairs, len(dataset))[pairs["b"]]):
        present = sorted(set(group) - gone)
        if len(present) > 1:
            stays = _choose_staying(manifest.iloc[present], keep)
            leaving += [photo for photo in present if photo != stays]
    if not leaving:
        raise EditRefused(
            "These photos are not duplicates.", "Choose at least two copies of a photo."
        )
    return sorted(leaving)


def _choose_staying(rows: pd.DataFrame, keep: Collection[int] | None) -> int:
    """Return the number of the photo that stays; `rows` is indexed by photo number."""
    shown = ", ".join(f"“{path}” ({name})" for path, name, _ in rows.to_numpy()[:4].tolist())
    if keep is not None:
        kept = [int(photo) for photo in rows.index if photo in set(keep)]
        if len(kept) == 1:
            return kept[0]
        raise EditRefused(
            f"Exactly one of {shown} must stay, not {len(kept)}.",
            "Choose one photo of each group.",
        )
    if rows["class"].nunique() > 1:
        raise EditRefused(
            f"Copies of a photo are in several classes: {shown}.",
            "Choose the copy that stays, or relabel them first.",
        )
    return int(min(rows.index, key=lambda n: (SPLITS.index(rows["split"][n]), rows["path"][n])))
