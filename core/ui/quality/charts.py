"""Charts of the quality page: thresholds, class sizes, a metric without leaks."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from core.charts.bars import name_rows
from core.charts.theme import PERCENT_LABELS, choose_palette, style_altair, title_params
from data.findings import Measured

_BINS = 60
_MANY = 30


def draw_threshold(
    values: np.ndarray, threshold: float, measured: Measured, dark: bool = False
) -> Any:
    """Return the histogram of a measure (n,); bars beyond the threshold have the colour of wrong.

    It spans the slider; bad photos outside of it are in the last bar.
    """
    colours = choose_palette(dark)
    label = f"{measured.label}, {measured.unit}" if measured.unit else measured.label
    digits, ends = count_digits(measured), [measured.lowest, measured.highest]
    bars = count_bins(values, threshold, measured).assign(floor=0)
    heights = alt.Scale(type="sqrt", domainMin=0)
    axis = alt.Axis(tickCount=8, grid=False, format=f",.{digits}f")
    x = alt.X("start:Q", title=label, scale=alt.Scale(domain=ends, nice=False), axis=axis)
    columns = (
        alt.Chart(bars)
        .mark_rect()
        .encode(
            x=x,
            x2="end:Q",
            y=alt.Y("photos:Q", scale=heights, title=None, axis=None),
            y2="floor:Q",
            color=alt.ColorValue(
                colours.faint, condition={"test": "datum.flagged", "value": colours.wrong}
            ),
            tooltip=[
                alt.Tooltip("start:Q", title=f"{label} from", format=f",.{digits + 1}f"),
                alt.Tooltip("end:Q", title="to", format=f",.{digits + 1}f"),
                alt.Tooltip("photos:Q", format=","),
            ],
        )
    )
    line = alt.Chart(pd.DataFrame({"at": [threshold]})).encode(x="at:Q")
    rule = line.mark_rule(color=colours.ink, strokeWidth=1.5)
    chart = alt.layer(columns, rule)
    flagged = int(bars.loc[bars["flagged"], "photos"].sum())
    left_out = len(values) - int(bars["photos"].sum())
    more = f"; {left_out:,} photos off the axis" if left_out else ""
    title = title_params(
        f"{flagged:,} of {len(values):,} beyond the threshold",
        f"Square-root scale{more}",
    )
    return style_altair(chart, dark, title=title, height=190)


def count_digits(measured: Measured) -> int:
    """Return the decimals that a measure is written with."""
    return 0 if measured.step >= 1 else 2


def count_bins(values: np.ndarray, threshold: float, measured: Measured) -> pd.DataFrame:
    """Return the bars of a measure: start, end, photos, flagged; the threshold is an edge.

    A photo at it is not flagged. Empty bars and good photos outside the span are left out.
    """
    low, high, worse = measured.lowest, measured.highest, measured.worse
    at = min(max(threshold, low), high)
    edges = np.unique(np.append(np.linspace(low, high, _BINS + 1), at))
    flagged = measured.is_beyond(values, threshold)
    # A photo at the threshold is not flagged, so it belongs to the bar on the good side of it.
    inside = values >= low if worse == "high" else values <= high
    values, flagged = values[inside], flagged[inside]
    side: Literal["left", "right"] = "right" if worse == "low" else "left"
    bins = np.searchsorted(edges, values.clip(low, high), side=side) - 1
    bins = bins.clip(0, len(edges) - 2)
    rows = []
    for marked in (True, False):
        photos = np.bincount(bins[flagged == marked], minlength=len(edges) - 1)
        kept = np.flatnonzero(photos)
        table = {"start": edges[kept], "end": edges[kept + 1], "photos": photos[kept]}
        rows.append(pd.DataFrame(table).assign(flagged=marked))
    return pd.concat(rows, ignore_index=True)


def draw_class_sizes(counts: pd.Series, dark: bool = False, columns: int = 1) -> list[Any]:
    """Return photos by class, largest first, as charts side by side with one scale."""
    ordered = counts.sort_values(ascending=False, kind="stable")
    rows = pd.DataFrame({"class": ordered.index, "photos": ordered.to_numpy()})
    per_column = -(-len(rows) // columns)
    mean, largest = float(ordered.mean()), int(ordered.max())
    return [
        _draw_sizes_part(rows.iloc[first : first + per_column], mean, largest, len(rows), dark)
        for first in range(0, len(rows), per_column)
    ]


def _draw_sizes_part(
    rows: pd.DataFrame, mean: float, largest: int, classes: int, dark: bool
) -> Any:
    colours = choose_palette(dark)
    many = classes > _MANY
    font = 10 if many else 12
    axis = alt.Axis(
        labelLimit=130,
        minExtent=136 if many else 0,  # side by side, all charts start at the same place
        labelOverlap=False,
        labelFontSize=font,
        title=None,
        grid=False,
    )
    rows = name_rows(rows)
    names = rows["row"].tolist()
    base = alt.Chart(rows).encode(
        y=alt.Y("row:N", sort=None, scale=alt.Scale(domain=names, paddingInner=0.25), axis=axis),
        tooltip=["class:N", alt.Tooltip("photos:Q", format=",")],
    )
    x = alt.X(
        "photos:Q",
        scale=alt.Scale(domain=[0, largest * 1.15], nice=False),
        stack=None,
        title=None,
        axis=None,
    )
    bars = base.mark_bar(color=colours.accent, opacity=0.75).encode(x=x)
    numbers = base.mark_text(align="right", color=colours.quiet, fontSize=font)
    rule = alt.Chart(pd.DataFrame({"mean": [mean]})).mark_rule(
        color=colours.ink, strokeDash=[3, 3], strokeWidth=1
    )
    layers = alt.layer(
        bars,
        numbers.encode(x=alt.datum(largest * 1.15), text=alt.Text("photos:Q", format=",")),
        rule.encode(x="mean:Q", tooltip=[alt.Tooltip("mean:Q", format=",.1f")]),
    )
    return style_altair(layers, dark, height=len(rows) * (15 if many else 28) + 4)


def draw_leak_effect(rows: pd.DataFrame, dark: bool = False) -> Any:
    """Return accuracy with its interval for each row: photos, accuracy, low, high (0..1), n."""
    colours = choose_palette(dark)
    drawn = rows.assign(words=[_say_share(row) for row in rows.itertuples()])
    ends = (float(drawn["low"].min()), float(drawn["high"].max()))
    margin = max(0.02, 0.15 * (ends[1] - ends[0]))
    domain = [max(0.0, ends[0] - margin), min(1.0, ends[1] + margin)]
    axis = alt.Axis(labelExpr=PERCENT_LABELS, tickCount=6, tickMinStep=0.01)
    order: Sequence[str] = drawn["photos"].tolist()
    base = alt.Chart(drawn).encode(
        y=alt.Y("photos:N", sort=order, title=None, axis=alt.Axis(labelLimit=170, grid=False)),
        tooltip=["photos:N", alt.Tooltip("words:N", title="accuracy"), alt.Tooltip("n:Q")],
    )
    scale = alt.Scale(domain=domain, nice=False)
    whiskers = base.mark_rule(color=colours.ink, strokeWidth=1.5)
    dots = base.mark_circle(color=colours.accent, size=110, opacity=1)
    chart = alt.layer(
        whiskers.encode(x=alt.X("low:Q", title="accuracy", scale=scale, axis=axis), x2="high:Q"),
        dots.encode(x="accuracy:Q"),
    )
    title = title_params("Accuracy with and without leaking photos", "Lines: 95 % intervals")
    return style_altair(chart, dark, title=title, height=50 * len(rows) + 80)


def _say_share(row: Any) -> str:
    return f"{100 * row.accuracy:.1f} % ({100 * row.low:.1f} to {100 * row.high:.1f} %)"
