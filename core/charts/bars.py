"""Bars: changes per class, photos per class and split, top scores of one photo.

With more than 300 classes only both ends are drawn, and the title says so. Long names are cut; the
tooltip has the whole name. Vega stacks no bars, as its maps know “constructor”; the axis shows the
column of `name_rows`, because they lose “__proto__”.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import choose_palette, format_share, style_altair, title_params
from core.formats import name_key

CHANGE = "change"
"""Selection of `draw_class_changes`: {"class": …, "change": …}."""


def draw_class_changes(per_class: pd.DataFrame, dark: bool = False) -> Any:
    """Return bars of gained (right) and lost (left) photos of each class that changed.

    Classes are sorted by net gain. A click on a bar selects `change`: its class, and "gained" or
    "lost".

    Args:
        per_class: Table of `core.evaluation.comparison.Comparison`.
    """
    colours = choose_palette(dark)
    rows = _list_changes(per_class)
    classes = keep_ends(rows["class"].drop_duplicates().tolist())
    rows = rows[rows["class"].isin(classes)]
    most = max(1, int(rows["photos"].max())) if len(rows) else 1
    change = alt.selection_point(name=CHANGE, fields=["class", "change"], on="click", toggle=False)
    axis = alt.Axis(labelExpr="abs(datum.value)", format="d", tickMinStep=1, orient="top")
    chart = (
        alt.Chart(name_rows(rows))
        .mark_bar(cursor="pointer", cornerRadiusEnd=2)
        .add_params(change)
        .encode(
            y=_class_axis(classes),
            x=alt.X(
                "drawn:Q", title=None, stack=None, axis=axis, scale=alt.Scale(domain=[-most, most])
            ),
            color=alt.Color(
                "change:N",
                title=None,
                scale=alt.Scale(domain=["lost", "gained"], range=[colours.wrong, colours.right]),
                legend=alt.Legend(orient="top", offset=6),
            ),
            opacity=alt.OpacityValue(0.3, condition={"param": CHANGE, "empty": True, "value": 1}),
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("change:N"),
                alt.Tooltip("photos:Q", format=","),
                alt.Tooltip("support:Q", title="photos of the class", format=","),
                alt.Tooltip("recalls:N", title="recall"),
            ],
        )
    )
    gained, lost = int(per_class["gained"].sum()), int(per_class["lost"].sum())
    said = f"{gained:,} gained, {lost:,} lost"
    title = title_params(said, "Photos that only one of the runs gets right")
    return style_altair(chart, dark, title=title, height=_rows_height(len(classes)) + 96)


def _list_changes(per_class: pd.DataFrame) -> pd.DataFrame:
    changed = per_class[(per_class["gained"] > 0) | (per_class["lost"] > 0)]
    changed = changed.assign(
        net=changed["gained"] - changed["lost"],
        recalls=[
            f"{100 * a:.0f} % → {100 * b:.0f} %"
            for a, b in zip(changed["recall_a"], changed["recall_b"], strict=True)
        ],
    ).sort_values(["net", "gained"], ascending=False, kind="stable")
    rows = changed.melt(
        id_vars=["class", "support", "recalls"],
        value_vars=["gained", "lost"],
        var_name="change",
        value_name="photos",
    )
    return rows.assign(drawn=rows["photos"].where(rows["change"] == "gained", -rows["photos"]))


_COUNTS = alt.Axis(format=",d", tickMinStep=1, tickCount=6, orient="top")
PART = "part"
"""Selection of `draw_split_counts`: {"class": …, "split": …}."""
_MOST = 300
"""Classes to draw."""
_FEW = 30
"""Classes up to which rows have full height."""


def draw_split_counts(
    counts: pd.DataFrame, chosen: tuple[str, str] | None = None, dark: bool = False
) -> Any:
    """Return stacked bars of photos per class and split, largest class first.

    Args:
        counts: Columns class, split, photos.
        chosen: Class and split that are selected at first.
    """
    colours = choose_palette(dark)
    totals = counts.groupby("class", observed=True)["photos"].sum()
    ordered = sorted(totals.index, key=lambda name: (-totals[name], name_key(name)))
    classes = keep_ends(ordered)
    counts = counts[counts["class"].isin(classes)]
    smallest, largest = int(totals.min()), int(totals.max())
    spread = f"{largest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"
    used = [split for split in colours.splits if (counts["split"] == split).any()]
    colour = alt.Color(
        "split:N",
        title=None,
        scale=alt.Scale(domain=used, range=[colours.splits[split] for split in used]),
        legend=alt.Legend(orient="top", offset=6, columns=2),  # three are cut beside long names
    )
    start = {"value": [dict(zip(("class", "split"), chosen, strict=True))]} if chosen else {}
    part = alt.selection_point(
        name=PART, fields=["class", "split"], on="click", toggle=False, **start
    )
    rows = counts.sort_values("split", key=lambda one: one.map(used.index), kind="stable")
    rows["end"] = rows.groupby("class", observed=True)["photos"].cumsum()
    chart = (
        alt.Chart(name_rows(rows.assign(start=rows["end"] - rows["photos"])))
        .mark_bar(cursor="pointer")
        .add_params(part)
        .encode(
            y=_class_axis(classes),
            x=alt.X("start:Q", title=None, axis=_COUNTS),
            x2="end:Q",
            color=colour,
            opacity=alt.OpacityValue(0.3, condition={"param": PART, "empty": True, "value": 1}),
            tooltip=["class:N", "split:N", alt.Tooltip("photos:Q", format=",")],
        )
    )
    some = f"Drawn: the {len(classes)} largest and smallest of {len(ordered):,} classes"
    words = "Largest class first" if len(classes) == len(ordered) else some
    title = title_params(f"Each class has {spread} photos", words, offset=0)
    return style_altair(chart, dark, title=title, height=max(300, _rows_height(len(classes)) + 90))


def draw_top_scores(
    classes: Sequence[str], scores: Sequence[float], dark: bool = False, answered: bool = True
) -> Any:
    """Return the top classes of one photo with their scores.

    Args:
        answered: Whether the first class is the answer and highlighted.
    """
    colours = choose_palette(dark)
    rows = pd.DataFrame({"class": list(classes), "score": list(scores)})
    rows["text"] = [format_share(score) for score in rows["score"]]
    rows["answer"] = (rows.index == 0) & answered
    base = alt.Chart(name_rows(rows)).encode(
        y=_class_axis(rows["class"].tolist()),
        tooltip=["class:N", alt.Tooltip("text:N", title="score")],
    )
    scale = alt.Scale(domain=[0, 1.15], nice=False)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("score:Q", title=None, stack=None, scale=scale, axis=None),
        color=alt.ColorValue(
            colours.faint, condition={"test": "datum.answer", "value": colours.accent}
        ),
    )
    texts = base.mark_text(align="left", dx=6, fontSize=13, color=colours.ink)
    chart = alt.layer(bars, texts.encode(x="score:Q", text="text:N"))
    likely = "The most likely classes and their scores"
    title = title_params(likely if answered else "Most similar classes")
    return style_altair(chart, dark, title=title, height=30 * len(rows) + 40)


def name_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column `row`: their class as the axis of a chart needs it."""
    return rows.assign(row=[_name_row(name) for name in rows["class"]])


def _name_row(name: str) -> str:
    return f"\u200b{name}" if name == "__proto__" else name


def keep_ends(classes: list[str]) -> list[str]:
    """Return the classes to draw: both ends of an order that is too long."""
    half = _MOST // 2
    return classes if len(classes) <= _MOST else [*classes[:half], *classes[-half:]]


def _class_axis(classes: list[str]) -> Any:
    axis = alt.Axis(
        labelLimit=150,
        labelOverlap=False,
        labelFontSize=10 if len(classes) > _FEW else 12,
        title=None,
        grid=False,
    )
    names = [_name_row(name) for name in classes]
    scale = alt.Scale(domain=names, paddingInner=0.25, paddingOuter=0.12)
    return alt.Y("row:N", sort=None, scale=scale, axis=axis)


def _rows_height(classes: int) -> int:
    return max(1, classes) * (14 if classes > _FEW else 28)
