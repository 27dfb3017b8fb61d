"""Forecasts of a dataset: made by a job, kept as an analysis.

How accuracy and the recall of each class grow with photos, judged by validation photos. Everything
comes from the exact head; test photos are never looked at.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.datasets.quality.results import read_array, read_facts, read_table
from core.exact.store import HeadSource, prepare_head
from core.formats import count, percent
from core.instant.curves import Curve, Forecast, Foreseen, foresee_curve
from core.instant.subsets import measure_classes, measure_whole
from core.runs.jobs import Tell
from core.workspace import Workspace

KIND = "forecast"
NOT_MEASURED = "no training or no validation photo"
_WHOLE = -1
_ARRAYS = ("shapes", "weights")
_FACTS = ("judged", "scatter", "likeness", "missed", "reason")


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecasts:
    """What more photos of a dataset would bring."""

    whole: Forecast
    """Of the accuracy."""
    classes: Sequence[Forecast | None]
    """Of the recall of each class; None: it has no training or no validation photo."""
    spreads: Mapping[int, np.ndarray]
    """Class (-1: the whole) → lowest and highest value of its repeats, (2, s)."""
    shares: np.ndarray
    """(k,): of the validation photos, how many are of each class."""
    facts: Mapping[str, Any]
    """`repeats` of the whole and `class_repeats`, `seconds`, `label` of the features."""

    def find(self, place: int | None) -> Forecast | None:
        """Return the forecast of a class, or of the whole."""
        return self.whole if place is None else self.classes[place]

    def list_points(self, place: int | None) -> pd.DataFrame:
        """Return what was measured of a class or the whole: photos, mean, low, high, judged."""
        one = self.find(place)
        assert one is not None
        low, high = self.spreads[_WHOLE if place is None else place]
        return pd.DataFrame(
            {"photos": one.sizes, "mean": one.means, "low": low, "high": high, "judged": one.judged}
        )

    @cached_property
    def refused(self) -> int:
        """How many classes have curves that allow no forecast."""
        return sum(one is None or bool(one.reason) for one in self.classes)

    def share_out(self, photos: int) -> np.ndarray:
        """Return how many of so many new photos each class should get, (k,)."""
        return share_out(self.classes, self.shares, photos)

    def list_classes(self, names: Sequence[str], more: int, dealt: np.ndarray) -> pd.DataFrame:
        """Return what so many photos more of each class alone would do, a row a class.

        Columns: class, photos (training ones), judged, recall, foreseen, low, high (80 %; NaN
        without a forecast), reason (why there is none, or ""), next (of what is dealt), and
        next_recall with these.
        """
        rows = []
        for place, (name, one) in enumerate(zip(names, self.classes, strict=True)):
            seen = foresee_more(one, more) if one else None
            then = foresee_more(one, int(dealt[place])) if one else None
            reason = one.reason if one else NOT_MEASURED
            if one and not reason and seen is None:
                reason = f"reaches to {one.most_more:,} more"
            rows.append(
                {
                    "class": name,
                    "photos": one.photos if one else 0,
                    "judged": one.judged if one else 0,
                    "recall": one.now if one else np.nan,
                    "foreseen": seen.value if seen else np.nan,
                    "low": seen.low if seen else np.nan,
                    "high": seen.high if seen else np.nan,
                    "reason": reason,
                    "next": int(dealt[place]),
                    "next_recall": then.value if then else np.nan,
                }
            )
        return pd.DataFrame(rows)

    def foresee_shared(self, dealt: np.ndarray) -> float:
        """Return by how much the accuracy rises by what is dealt, as far as classes gain alone."""
        return sum(
            one.gain(one.photos + int(more)) * float(share)
            for one, more, share in zip(self.classes, dealt, self.shares, strict=True)
            if more and one is not None
        )


def foresee_more(forecast: Forecast, more: int) -> Foreseen | None:
    """Return the figure with so many photos more; None where it allows none, or not so far."""
    if forecast.reason or more > forecast.most_more:
        return None
    return forecast.foresee(forecast.photos + more)


def say_more(one: Forecast | None, more: int, figure: str, of: str = "") -> str:
    """Return in words what so many photos more would bring.

    Args:
        one: The forecast; None: no photo measures it.
        figure: “accuracy” or “recall”.
        of: Of what, with a blank before it.
    """
    if one is None or one.reason:
        why = one.reason if one else NOT_MEASURED
        return f"These curves do not allow a forecast{of}: {why}."
    seen = foresee_more(one, more)
    if seen is None:
        return (
            f"A forecast reaches to twice today's photos{of}: ask for at most "
            f"{count(one.most_more, 'photo')} more."
        )
    now, then, low, high = (
        percent(value, one.judged) for value in (one.now, seen.value, seen.low, seen.high)
    )
    words = f"{count(more, 'more photo')}{of}: {figure} {now} → {then}"
    return f"{words} (80 % interval {low} to {high})"


def read_forecasts(workspace: Workspace, source: HeadSource) -> Forecasts | None:
    """Return the forecast of a dataset; None while it is not made."""
    facts = read_facts(workspace, source.identify(KIND))
    if facts is None:
        return None
    arrays = {name: read_array(facts, name) for name in _ARRAYS}
    curves, points = read_table(facts, "curves"), read_table(facts, "points")
    parts = dict(iter(points.groupby("class")))
    found: dict[int, Forecast] = {}
    for row, one in enumerate(curves.to_dict("records")):
        part = parts[one["class"]]
        found[one["class"]] = Forecast(
            sizes=part["size"].to_numpy(),
            means=part["mean"].to_numpy(),
            **{name: one[name] for name in _FACTS},
            **{name: values[row].astype(np.float64) for name, values in arrays.items()},
        )
    dataset, n_classes = source.dataset, len(source.dataset.classes)
    judged = dataset.labels[dataset.photo_numbers("validation")]
    return Forecasts(
        whole=found[_WHOLE],
        classes=[found.get(place) for place in range(n_classes)],
        spreads={place: part[["low", "high"]].to_numpy().T for place, part in parts.items()},
        shares=np.bincount(judged, minlength=n_classes) / max(1, len(judged)),
        facts={**facts.rest, "label": facts.label},
    )


def prepare_forecasts(workspace: Workspace, source: HeadSource, tell: Tell) -> Forecasts:
    """Return the forecast, made now where it is not kept.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if (kept := read_forecasts(workspace, source)) is not None:
        return kept
    tell("the exact head", 0, 0)
    head, start = prepare_head(workspace, source), time.perf_counter()
    judged = source.dataset.photo_numbers("validation")
    curves = {_WHOLE: measure_whole(head, judged, lambda done, of: tell("all photos", done, of))}
    for place, curve in measure_classes(head, judged):
        if curve is not None:
            curves[place] = curve
        tell("class by class", place + 1, head.n_classes)
    tell("fitting curves", 0, 0)
    forecasts = {place: foresee_curve(curve) for place, curve in curves.items()}
    repeats = [len(curve.values) for curve in curves.values()]
    seconds = round(time.perf_counter() - start, 2)
    arrays = {
        name: np.array([getattr(one, name) for one in forecasts.values()], np.float32)
        for name in _ARRAYS
    }
    source.keep(
        workspace,
        KIND,
        arrays=arrays,
        tables=_make_tables(curves, forecasts),
        repeats=repeats[0],
        class_repeats=repeats[-1],
        seconds=seconds,
    )
    made = read_forecasts(workspace, source)
    assert made is not None
    return made


def _make_tables(
    curves: Mapping[int, Curve], forecasts: Mapping[int, Forecast]
) -> dict[str, pd.DataFrame]:
    facts = [
        {"class": place, **{name: getattr(one, name) for name in _FACTS}}
        for place, one in forecasts.items()
    ]
    points = [
        pd.DataFrame(
            {
                "class": place,
                "size": curve.sizes,
                "mean": curve.means,
                "low": curve.values.min(axis=0),
                "high": curve.values.max(axis=0),
            }
        )
        for place, curve in curves.items()
    ]
    return {"curves": pd.DataFrame(facts), "points": pd.concat(points, ignore_index=True)}


def share_out(
    forecasts: Sequence[Forecast | None], shares: np.ndarray, photos: int, step: int = 5
) -> np.ndarray:
    """Return how many of so many new photos each class should get, (k,): where they help most.

    Photos are dealt step by step to the class whose recall they raise most, weighed by how often
    the class comes. What they cost or give to other classes is not counted.

    Args:
        forecasts: Of the recall of each class; None or with a reason: the class gets none.
        shares: (k,): how often each class comes.
    """
    dealt = np.zeros(len(forecasts), int)
    # A class may need several steps before anything rises: each offers its best gain a photo.
    steps = step * np.unique(np.geomspace(1, max(1, photos // step), 8).astype(int))
    cache: dict[tuple[int, int], float] = {}

    def gain(place: int, number: int) -> float:
        one = forecasts[place]
        assert one is not None
        if (place, number) not in cache:
            most = one.photos + min(number, one.most_more)
            cache[place, number] = one.gain(most) * float(shares[place])
        return cache[place, number]

    able = [place for place, one in enumerate(forecasts) if one is not None and not one.reason]
    while (left := photos - int(dealt.sum())) > 0:
        offers = [
            ((gain(place, dealt[place] + more) - gain(place, dealt[place])) / more, -more, place)
            for place in able
            for more in steps[steps <= left].tolist() or [left]
        ]
        best = max(offers, default=(0.0, 0, 0))
        if best[0] <= 0:
            break
        dealt[best[2]] -= best[1]
    return dealt
