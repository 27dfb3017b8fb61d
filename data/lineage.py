"""How versions of a dataset belong together, and what is different between any two datasets."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import DatasetSummary, list_datasets


@dataclass(frozen=True, kw_only=True, eq=False)
class Differences:
    """What is different in a dataset b from a dataset a; the rows are in the order of photos.

    A photo is the same in both when path and content are; also when only the content is, so that
    photos that moved to other folders are not taken for new ones.
    """

    added: pd.DataFrame
    """Columns photo (number in b), path, class, split."""
    removed: pd.DataFrame
    """Columns photo (number in a), path, class, split."""
    relabelled: pd.DataFrame
    """Columns photo (number in b), photo_before (number in a), path, class, new_class."""
    moved: pd.DataFrame
    """Columns photo (number in b), photo_before (number in a), path, split, new_split."""
    unchanged: int
    """Photos of both whose class and split are the same."""
    new_classes: tuple[str, ...]
    gone_classes: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether both hold the same photos in the same classes and splits."""
        tables = (self.added, self.removed, self.relabelled, self.moved)
        return not any(len(table) for table in tables)


def compare_versions(a: Dataset, b: Dataset) -> Differences:
    """Returns what is different in `b` from `a`; any two datasets can be compared."""
    before, after = match_photos(a.manifest, b.manifest)
    old = a.manifest[["path", "class", "split"]].iloc[before].reset_index(drop=True)
    new = b.manifest[["path", "class", "split"]].iloc[after].reset_index(drop=True)
    both = pd.DataFrame({"photo": after, "photo_before": before, "path": new["path"]})
    other_class = np.asarray(old["class"] != new["class"], dtype=bool)
    other_split = np.asarray(old["split"] != new["split"], dtype=bool)

    def list_changed(changed: np.ndarray, column: str) -> pd.DataFrame:
        values = both.assign(**{column: old[column], f"new_{column}": new[column]})
        return values[changed].reset_index(drop=True)

    return Differences(
        added=_list_others(b.manifest, after),
        removed=_list_others(a.manifest, before),
        relabelled=list_changed(other_class, "class"),
        moved=list_changed(other_split, "split"),
        unchanged=int((~other_class & ~other_split).sum()),
        new_classes=tuple(name for name in b.classes if name not in a.classes),
        gone_classes=tuple(name for name in a.classes if name not in b.classes),
    )


def match_photos(a: pd.DataFrame, b: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of photos that both manifests have: those of a, those of b, (m,) int64.

    They are ordered by row of b, and each row stands there once at most.
    """
    pairs = _match_by(a, b, ["path", "sha256"])
    rest_a, rest_b = a.drop(index=pairs["before"]), b.drop(index=pairs["after"])
    pairs = pd.concat([pairs, _match_by(rest_a, rest_b, ["sha256"])]).sort_values("after")
    return pairs["before"].to_numpy(np.int64), pairs["after"].to_numpy(np.int64)


def list_lineage(workspace: Workspace, dataset_id: str) -> list[DatasetSummary]:
    """Returns all versions that share an import with the dataset, oldest first, itself too.

    Those of a parent that was deleted still belong together.
    """
    summaries = list_datasets(workspace)
    family = {dataset_id}
    size = 0
    while len(family) > size:
        size = len(family)
        for summary in summaries:
            links = {summary.id, *summary.ancestors}
            if links & family:
                family |= links
    members = [summary for summary in summaries if summary.id in family]
    return sorted(members, key=lambda summary: (summary.edition, summary.created, summary.id))


def _match_by(a: pd.DataFrame, b: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Returns columns before, after: index of rows with equal values, the first with the first."""
    left = a[columns].assign(turn=a.groupby(columns).cumcount(), before=a.index)
    right = b[columns].assign(turn=b.groupby(columns).cumcount(), after=b.index)
    return left.merge(right, on=[*columns, "turn"])[["before", "after"]]


def _list_others(manifest: pd.DataFrame, known: np.ndarray) -> pd.DataFrame:
    rows = np.setdiff1d(np.arange(len(manifest)), known)
    table = manifest[["path", "class", "split"]].iloc[rows].reset_index(drop=True)
    table.insert(0, "photo", rows)
    return table
