"""What the log says of a time: in one line, by day and version, by class and by score.

All take the table of `core.monitoring.log.read_predictions`. Days are those of UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from core.evaluation.calibration import temper_scores
from core.evaluation.intervals import Estimate, estimate_quantile, wilson_interval

Step = Literal["hour", "day"]
RUNS = "runs"
"""What answers of runs that are no version are called."""
SCORE_BARS = 20


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The whole of a time."""

    n: int
    photos: int
    median_latency: Estimate
    """ms."""
    slow_latency: Estimate
    """ms that 95 % of the answers keep."""
    unknown: Estimate
    """Share of the photos that was not answered: unsure, or unlike all training photos."""
    unlike: Estimate
    """Share of the photos that is unlike all training photos."""
    accuracy: Estimate
    """Share of right answers where people said what it really is."""


def summarise(table: pd.DataFrame) -> Summary:
    """Return the figures over all rows of the log that are given."""
    latencies = table["latency_ms"].to_numpy()
    kinds = keep_newest(table)["kind"].to_numpy()
    return Summary(
        n=len(table),
        photos=len(kinds),
        median_latency=estimate_quantile(latencies, 0.5),
        slow_latency=estimate_quantile(latencies, 0.95),
        unknown=estimate_share(kinds != "answer"),
        unlike=estimate_share(kinds == "unlike"),
        accuracy=estimate_share(list_right(table)),
    )


def keep_newest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the newest row of each photo: to ask about one again and again is no evidence."""
    newest = table.sort_values("time", kind="stable").drop_duplicates("photo", keep="last")
    return newest.sort_index()


def list_right(table: pd.DataFrame) -> np.ndarray:
    """Return which photos were answered right, (m,) bool: those that people told, each once."""
    told = keep_newest(table.dropna(subset=["was_right"]))
    return np.asarray(told["was_right"], dtype=bool)


def estimate_share(hits: np.ndarray) -> Estimate:
    """Return the share of what is true of (n,) bool, with its interval; NaN of none."""
    n, found = len(hits), int(hits.sum())
    low, high = wilson_interval(found, n)
    value = found / n if n else np.nan
    return Estimate(value=value, low=low, high=high, n=n, method="Wilson")


def choose_step(days: int) -> Step:
    """Return how finely a time is drawn: up to two days by the hour."""
    return "hour" if days <= 2 else "day"


def summarise_steps(table: pd.DataFrame, step: Step) -> pd.DataFrame:
    """Return a row for each day (or hour) and version that answered in it.

    Columns: time (its begin), version, photos (answers), different (photos that differ), median,
    slow (ms), unknown, unknown_low, unknown_high, accuracy, accuracy_low, accuracy_high, judged
    (photos with feedback).
    """
    rows = []
    begins = table["time"].dt.floor("h" if step == "hour" else "D")
    for (begin, version), part in table.groupby([begins, name_versions(table)], sort=True):
        found = summarise(part)
        rows.append(
            {
                "time": begin,
                "version": version,
                "photos": found.n,
                "different": found.photos,
                "median": found.median_latency.value,
                "slow": found.slow_latency.value,
                **_spread("unknown", found.unknown),
                **_spread("accuracy", found.accuracy),
                "judged": found.accuracy.n,
            }
        )
    # Without rows, too, every column has its type: charts sum and take differences.
    types = {"time": begins.dtype, "version": "str"}
    types |= dict.fromkeys(("photos", "different", "judged"), "int64")
    types |= dict.fromkeys(("median", "slow", "unknown", "unknown_low", "unknown_high"), "float64")
    types |= dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high"), "float64")
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def name_versions(table: pd.DataFrame) -> pd.Series:
    """Return what answered each row: "v3", or `RUNS`."""
    names = [RUNS if pd.isna(number) else f"v{number}" for number in table["version"]]
    return pd.Series(names, index=table.index, dtype="str", name="version")


def count_scores(table: pd.DataFrame, reference: np.ndarray | None) -> pd.DataFrame:
    """Return shares of photos by the score of their best class: columns low, high, now, before.

    `reference` are the (m,) best scores of the reference photos; None leaves `before` empty.
    """
    edges = np.linspace(0, 1, SCORE_BARS + 1)
    now = np.histogram(table["top_score"].clip(0, 1), edges)[0] / max(len(table), 1)
    before = np.full(SCORE_BARS, np.nan)
    if reference is not None and len(reference):
        before = np.histogram(np.clip(reference, 0, 1), edges)[0] / len(reference)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "now": now, "before": before})


def find_best_scores(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return the best score of each photo, (m,), calibrated as answers are."""
    return np.asarray(temper_scores(scores, temperature).max(axis=1))


def count_classes(
    table: pd.DataFrame, classes: Sequence[str], reference: np.ndarray | None
) -> pd.DataFrame:
    """Return how often each class was the best: class, photos, now, low, high, before (shares).

    Most frequent first, of other versions, too. `reference` are the (m,) class numbers of the
    reference photos; None leaves `before` empty.
    """
    counts = table["top"].value_counts()
    names = [*classes, *(str(name) for name in counts.index if name not in set(classes))]
    photos = counts.reindex(names, fill_value=0).to_numpy()
    before = np.full(len(names), np.nan)
    if reference is not None and len(reference):
        before = np.bincount(reference, minlength=len(names)) / len(reference)
    ends = [wilson_interval(int(hits), len(table)) for hits in photos]
    found = pd.DataFrame(
        {
            "class": names,
            "photos": photos,
            "now": photos / max(len(table), 1),
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
            "before": before,
        }
    )
    return found.sort_values("photos", ascending=False, kind="stable", ignore_index=True)


def begin_of(now: datetime, days: int) -> datetime:
    """Return when a time of so many days begins that ends now; by days at the first's midnight."""
    if choose_step(days) == "hour":
        return (now - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    first = now - timedelta(days=days - 1)
    return first.replace(hour=0, minute=0, second=0, microsecond=0)


def _spread(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
