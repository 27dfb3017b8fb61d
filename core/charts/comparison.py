"""What each class gained and lost from one run to another."""

from typing import Any

import altair as alt
import pandas as pd

from core.charts.bars import keep_ends
from core.charts.theme import choose_palette, style_altair, title_params

CHANGE = "change"
"""Name of the selection of `draw_class_changes`; its value is {"class": …, "change": …}."""

_FEW = 30
"""Classes up to which rows have full height."""


def draw_class_changes(per_class: pd.DataFrame, dark: bool = False) -> Any:
    """Return bars of photos gained (to the right) and lost (to the left) of each class.

    Classes stand by what they gained less what they lost, the most gained first; those without any
    change are left out. A click on a bar selects `change`: its class, and "gained" or "lost".

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
        alt.Chart(rows)
        .mark_bar(cursor="pointer", cornerRadiusEnd=2)
        .add_params(change)
        .encode(
            y=_class_axis(classes),
            x=alt.X("drawn:Q", title=None, axis=axis, scale=alt.Scale(domain=[-most, most])),
            color=alt.Color(
                "change:N",
                title=None,
                scale=alt.Scale(domain=["lost", "gained"], range=[colours.wrong, colours.right]),
                legend=alt.Legend(orient="top", offset=6),
            ),
            opacity=alt.condition({"param": CHANGE, "empty": True}, alt.value(1), alt.value(0.3)),
            tooltip=[
                alt.Tooltip("class:N"),
                alt.Tooltip("change:N"),
                alt.Tooltip("photos:Q", format=","),
                alt.Tooltip("support:Q", title="photos of the class", format=","),
                alt.Tooltip("recalls:N", title="recall"),
            ],
        )
    )
    title = title_params(
        _describe_changes(per_class), "Photos; those both answer alike are not drawn"
    )
    return style_altair(chart, dark, title=title, height=_rows_height(len(classes)) + 96)


def _list_changes(per_class: pd.DataFrame) -> pd.DataFrame:
    changed = per_class[(per_class["gained"] > 0) | (per_class["lost"] > 0)]
    changed = changed.assign(
        net=changed["gained"] - changed["lost"],
        recalls=[
            f"{100 * a:.0f} % → {100 * b:.0f} %"
            for a, b in zip(changed["recall_a"], changed["recall_b"], strict=True)
        ],
    ).sort_values(["net", "gained", "class"], ascending=[False, False, True])
    rows = changed.melt(
        id_vars=["class", "support", "recalls", "net"],
        value_vars=["gained", "lost"],
        var_name="change",
        value_name="photos",
        ignore_index=False,
    )
    rows = rows.assign(drawn=rows["photos"].where(rows["change"] == "gained", -rows["photos"]))
    order = {name: number for number, name in enumerate(changed["class"])}
    return rows.sort_values(["class"], key=lambda names: names.map(order), kind="stable")


def _describe_changes(per_class: pd.DataFrame) -> str:
    gained, lost = int(per_class["gained"].sum()), int(per_class["lost"].sum())
    return f"{gained:,} gained, {lost:,} lost"


def _class_axis(classes: list[str]) -> Any:
    axis = alt.Axis(
        labelLimit=150,
        labelOverlap=False,
        labelFontSize=10 if len(classes) > _FEW else 12,
        title=None,
        grid=False,
    )
    return alt.Y(
        "class:N", sort=None, scale=alt.Scale(domain=classes, paddingInner=0.25), axis=axis
    )


def _rows_height(classes: int) -> int:
    return max(1, classes) * (14 if classes > _FEW else 28)
