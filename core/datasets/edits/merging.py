"""Which photos leave when duplicates are merged; pure."""

from collections.abc import Collection, Iterator, Sequence

import pandas as pd

from core.errors import EditRefused
from data.dataset import Dataset
from data.splits import SPLITS


def choose_leaving(
    dataset: Dataset,
    changes: pd.DataFrame,
    groups: Sequence[Sequence[int]],
    keep: Sequence[int] | None,
) -> list[int]:
    """Returns the numbers of all photos of the groups but one of each, ascending.

    Args:
        dataset: Whose photos they are.
        changes: Resolved edits that already wait; a photo excluded by them is no duplicate.
        groups: Photos that are the same; groups that share a photo are one.
        keep: Photos that stay; None: the first of train, validation, test, then by path.

    Raises:
        EditRefused: A group spans classes without `keep`, `keep` names none or several of a group,
            a photo is not in the dataset, or nothing is left to merge.
    """
    if any(not 0 <= photo < len(dataset) for group in groups for photo in group):
        raise EditRefused(
            "A photo of the groups is not in the dataset.", "Look for the duplicates again."
        )
    manifest = dataset.manifest[["path", "class", "split"]].copy()
    changed = changes["photo"].to_numpy()
    manifest.iloc[changed, 1:] = changes[["new_class", "new_split"]].to_numpy()
    gone = set(changes.loc[changes["excluded"], "photo"].tolist())
    leaving: list[int] = []
    for group in _join_groups(groups):
        present = sorted(group - gone)
        if len(present) > 1:
            stays = _choose_staying(manifest.iloc[present], keep)
            leaving += [photo for photo in present if photo != stays]
    if not leaving:
        raise EditRefused(
            "There are no duplicates to merge.", "Choose at least two photos that are the same."
        )
    return sorted(leaving)


def _choose_staying(rows: pd.DataFrame, keep: Collection[int] | None) -> int:
    """Returns the number of the one photo that stays; `rows` is indexed by photo number."""
    shown = ", ".join(f"“{path}” ({name})" for path, name, _ in rows.to_numpy()[:4].tolist())
    if keep is not None:
        kept = [int(photo) for photo in rows.index if photo in set(keep)]
        if len(kept) == 1:
            return kept[0]
        raise EditRefused(
            f"Of {shown} {'none' if not kept else 'more than one'} is to be kept.",
            "Name one photo of each group that stays.",
        )
    if rows["class"].nunique() > 1:
        raise EditRefused(
            f"The same photo is in several classes: {shown}.",
            "Choose the one to keep, or relabel it first.",
        )
    return int(min(rows.index, key=lambda n: (SPLITS.index(rows["split"][n]), rows["path"][n])))


def _join_groups(groups: Sequence[Sequence[int]]) -> Iterator[set[int]]:
    """Yields sets of photos; two groups that share a photo come as one."""
    group_of: dict[int, set[int]] = {}
    for group in groups:
        joined = {int(photo) for photo in group}
        for photo in list(joined):
            joined |= group_of.get(photo, set())
        for photo in joined:
            group_of[photo] = joined
    seen: set[int] = set()
    for photo, joined in group_of.items():
        if photo not in seen:
            seen |= joined
            yield joined
