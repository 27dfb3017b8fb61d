"""What a class costs: what the others gain without it, and which classes are best made one."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.charts.theme import choose_palette, style_altair, title_params
from core.evaluation import comparison
from core.formats import count, percent, plain
from core.runs.store import RunRecord
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.exact import show_study

_METHOD = (
    "Taken away: the class's training photos leave, the exact head is fitted again, and validation "
    "photos of the other classes judge it. Merged: the photos of both get one label. Which classes "
    "merge next is chosen on training photos alone, each answered by the head without it: the "
    "merge that makes most of the photos of both right. Validation photos, which chose nothing, "
    "say what it brings. Fewer classes are an easier question: some gain is certain, and what is "
    "lost is that the two are no longer told apart. The largest of many changes is partly luck."
)


def show_class_costs(run: RunRecord, classes: Sequence[str]) -> None:
    """Draw the card: closed by default, the study made on request."""
    card = st.expander(
        "What a class costs", icon=":material/call_merge:", key="confusion.costs", on_change="rerun"
    )
    if not card.open:
        return
    with card:
        if len(classes) < 2:
            st.caption("There is one class alone.")
            return
        st.caption("What the others gain without a class, and which are best merged.", help=_METHOD)
        study = show_study(run, "class-costs", "Measure what each class costs")
        if study is None:
            return
        left, right = st.columns(2, gap="medium")
        with left:
            _show_drops(study["drops"], classes)
        with right:
            _show_merges(study["merges"], classes)


def _show_drops(drops: pd.DataFrame, classes: Sequence[str]) -> None:
    drops = drops[drops["n"] > 0]
    if drops.empty:
        st.caption("No other class has a validation photo.")
        return
    net = drops["gained"] - drops["lost"]
    drops = drops.iloc[(-net / drops["n"]).argsort(kind="stable")]
    first = drops.iloc[0]
    name = plain(classes[int(first["class"])], 40)
    st.markdown(f"**Most for the others: without {name}, {say_change(first)}**")
    shown = pd.DataFrame(
        {
            "class": [classes[one] for one in drops["class"]],
            "change": [say_change(row) for _, row in drops.iterrows()],
            **{name: drops[name].to_numpy() for name in ("gained", "lost", "n")},
            "most": [
                f"{classes[row['most']]} +{row['most_by']}" if row["most_by"] > 0 else ""
                for _, row in drops.iterrows()
            ],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "class": "Without",
            "change": st.column_config.TextColumn(
                "Accuracy of the others", help="Points, with the paired 95 % interval."
            ),
            "gained": "Photos gained",
            "lost": "Photos lost",
            "n": "n",
            "most": "Gains most",
        },
        alt="What the other classes gain without each class",
    )


def _show_merges(merges: pd.DataFrame, classes: Sequence[str]) -> None:
    if merges.empty:
        st.caption("No merge makes more training photos right, left out one by one.")
        return
    table = describe_merges(merges, classes)
    first, last = merges.iloc[0], merges.iloc[-1]
    n = int(first["n"])
    after = (last["before"] + last["gained"] - last["lost"]) / n
    st.markdown(
        f"**{count(len(merges), 'merge')}: {percent(first['before'] / n, n)} → {percent(after, n)} "
        f"right, with {count(int(last['left']), 'class')} left**"
    )
    show_kept_chart(
        draw_merges,
        table,
        alt="Which classes merge, as a tree; the table below says the same.",
    )
    with st.expander("The merges as a table", icon=":material/table:"):
        st.dataframe(
            table[["words", "change", "right", "left"]],
            hide_index=True,
            column_config={
                "words": "Merged",
                "change": st.column_config.TextColumn(
                    "Accuracy by this merge", help="Points, with the paired 95 % interval."
                ),
                "right": f"Right after it, n = {n:,}",
                "left": "Classes left",
            },
            alt="The merges, best first",
        )


def describe_merges(merges: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row a merge: one and other (names joined by " + "), words, change, right, left."""
    named = {
        side: [" + ".join(classes[int(one)] for one in group.split()) for group in merges[side]]
        for side in ("one", "other")
    }
    firsts = {side: [group.split()[0] for group in merges[side]] for side in named}
    rights = (merges["before"] + merges["gained"] - merges["lost"]) / merges["n"]
    return pd.DataFrame(
        {
            **firsts,
            **{f"{side}_name": [classes[int(one)] for one in firsts[side]] for side in firsts},
            "words": [f"{a} with {b}" for a, b in zip(named["one"], named["other"], strict=True)],
            "change": [say_change(row) for _, row in merges.iterrows()],
            "right": [percent(one, int(n)) for one, n in zip(rights, merges["n"], strict=True)],
            "left": merges["left"].to_numpy(),
        }
    )


def say_change(row: "pd.Series[int]") -> str:
    """Return the change of accuracy in points with its interval: "+1.2 points (0.3 to 2.4)"."""
    return comparison.say_change(int(row["gained"]), int(row["lost"]), int(row["n"]))


_DRAWN = 20
"""Merges drawn; all are in the table."""
_ROW, _AROUND = 22, 96
"""Pixels a class, and of title and axis."""


def draw_merges(merges: pd.DataFrame, dark: bool = False) -> Any:
    """Return the tree of the first merges: classes on the left, each joint one merge.

    Args:
        merges: As of `costs.describe_merges`, best first.
    """
    colours = choose_palette(dark)
    first = merges.head(_DRAWN)
    names, lines, joints = lay_out_tree(first)
    labels = [name if len(name) <= 26 else f"{name[:25]}…" for name in names]
    axis = alt.Axis(
        values=list(range(len(names))),
        labelExpr=f"{json.dumps(labels)}[datum.value]",
        labelLimit=200, labelOverlap=False, grid=False, ticks=False, domain=False, title=None,
    )  # fmt: skip
    ends = [len(names) - 0.5, -0.5]
    y = alt.Y("y:Q", axis=axis, scale=alt.Scale(domain=ends, nice=False))
    steps = alt.Axis(format="d", tickMinStep=1, grid=False)
    x = alt.X("x:Q", title="merge, best first", axis=steps, scale=alt.Scale(zero=True))
    branches = (
        alt.Chart(lines)
        .mark_rule(color=colours.faint, strokeWidth=2)
        .encode(x=x, x2="x2:Q", y=y, y2="y2:Q")
    )
    tips = [
        alt.Tooltip("words:N", title="merged"),
        alt.Tooltip("change:N", title="accuracy"),
        alt.Tooltip("right:N", title="right after it"),
        alt.Tooltip("left:Q", title="classes left", format=","),
    ]
    dots = (
        alt.Chart(joints)
        .mark_point(filled=True, size=60, color=colours.accent, opacity=1)
        .encode(x=x, y=y, tooltip=tips)
    )
    title = title_params(
        "Look-alikes join first",
        f"The first {len(first)} of {len(merges)} merges" if len(merges) > _DRAWN else None,
    )
    height = _ROW * len(names) + _AROUND
    return style_altair(alt.layer(branches, dots), dark, title=title, height=height)


def lay_out_tree(merges: pd.DataFrame) -> tuple[list[str], pd.DataFrame, pd.DataFrame]:
    """Return the names of the leaves from the top, the lines (x, y, x2, y2) and the joints.

    A joint is a row of the table with x (its number) and y; groups that join stand side by side.
    """
    leaves: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for row in merges.to_dict("records"):
        names |= {row["one"]: row["one_name"], row["other"]: row["other_name"]}
        for side in (row["one"], row["other"]):
            leaves.setdefault(side, [side])
        leaves[row["one"]] = leaves[row["one"]] + leaves.pop(row["other"])
    order = [leaf for group in leaves.values() for leaf in group]
    ends = {leaf: (0.0, float(place)) for place, leaf in enumerate(order)}
    lines, joints = [], []
    for number, row in enumerate(merges.to_dict("records"), 1):
        (x, y), (x2, y2) = ends[row["one"]], ends[row["other"]]
        lines += [(x, y, number, y), (x2, y2, number, y2), (number, y, number, y2)]
        ends[row["one"]] = (float(number), (y + y2) / 2)
        joints.append({**row, "x": number, "y": (y + y2) / 2})
    columns = ["x", "y", "x2", "y2"]
    return (
        [names[leaf] for leaf in order],
        pd.DataFrame(lines, columns=columns),
        pd.DataFrame(joints),
    )
