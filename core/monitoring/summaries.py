"""Figures of the log: in total, by day and version, and by class.

All functions take the table of `core.monitoring.log.read_predictions`. Days are UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.intervals import Estimate, estimate_quantile, wilson_interval

RUNS = "runs"
"""Stands for a version where a run answered."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures over a period."""

    n: int
    photos: int
    slow_latency: Estimate
    """95th percentile of the latency, ms."""
    unknown: Estimate
    """Share of the photos without an answer: unsure, or unlike all training photos."""
    accuracy: Estimate
    """Accuracy on photos with feedback."""


def summarise(table: pd.DataFrame) -> Summary:
    """Return the figures over all rows."""
    kinds = keep_newest(table)["kind"].to_numpy()
    return Summary(
        n=len(table),
        photos=len(kinds),
        slow_latency=estimate_quantile(table["latency_ms"].to_numpy(), 0.95),
        unknown=estimate_share(kinds != "answer"),
        accuracy=estimate_share(list_right(table)),
    )


def keep_newest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the newest row of each photo, because a repeated photo is no new evidence."""
    newest = table.sort_values("time", kind="stable").drop_duplicates("photo", keep="last")
    return newest.sort_index()


def list_right(table: pd.DataFrame) -> np.ndarray:
    """Return whether each photo with feedback was answered correctly, (m,) bool."""
    judged = keep_newest(table.dropna(subset=["was_right"]))
    return np.asarray(judged["was_right"], dtype=bool)


def estimate_share(hits: np.ndarray) -> Estimate:
    """Return the share of True in (n,) bool with its interval; NaN where n is 0."""
    n, found = len(hits), int(hits.sum())
    low, high = wilson_interval(found, n)
    value = found / n if n else np.nan
    return Estimate(value=value, low=low, high=high, n=n, method="Wilson")


def summarise_days(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each day and version that answered in it.

    Columns: time (start), version, photos (answers), different (different photos), unknown and
    accuracy with _low and _high, judged (photos with feedback).
    """
    rows = []
    starts = table["time"].dt.floor("D")
    for (start, version), part in table.groupby([starts, name_versions(table)], sort=True):
        found = summarise(part)
        row = {"time": start, "version": version, "photos": found.n, "different": found.photos}
        row["judged"] = found.accuracy.n
        for name, share in (("unknown", found.unknown), ("accuracy", found.accuracy)):
            row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
        rows.append(row)
    return pd.DataFrame(rows)


def name_versions(table: pd.DataFrame) -> pd.Series:
    """Return the version of each row, "v3" or `RUNS`."""
    names = [RUNS if pd.isna(number) else f"v{number}" for number in table["version"]]
    return pd.Series(names, index=table.index, dtype="str", name="version")


def count_classes(
    table: pd.DataFrame, classes: Sequence[str], reference: np.ndarray | None
) -> pd.DataFrame:
    """Return shares of the predicted classes: class, photos, now, low, high, before.

    Most frequent first, with classes of other versions.

    Args:
        reference: (m,) class numbers of the reference photos; None leaves `before` empty.
    """
    counts = table["top"].value_counts()
    names = [*classes, *(str(name) for name in counts.index if name not in set(classes))]
    photos = counts.reindex(names, fill_value=0).to_numpy()
    before = np.full(len(names), np.nan)
    if reference is not None and len(reference):
        before = np.bincount(reference, minlength=len(names)) / len(reference)
    low, high = zip(*(wilson_interval(int(hits), len(table)) for hits in photos), strict=True)
    found = pd.DataFrame({"class": names, "photos": photos, "low": low, "high": high})
    found = found.assign(now=photos / max(len(table), 1), before=before)
    return found.sort_values("photos", ascending=False, kind="stable", ignore_index=True)
