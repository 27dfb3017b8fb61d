"""The learning curves of a finished run for files and reports: loss and accuracy side by side.

On pages the same numbers are drawn by `core.ui.training.charts`, which can be hovered and overlaid.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import PERCENT_LABELS, choose_palette, style_altair, title_params

_PANELS = (("loss", "loss", "Loss"), ("accuracy", "share", "Accuracy"))
_SPLITS = {"train": "train_", "validation": "val_", "train, running mean": ""}
"""Name of a line → how its numbers are called."""
_WIDTH, _HEIGHT = 330, 220


def draw_history(history: Sequence[Mapping[str, Any]], best_epoch: int, dark: bool = False) -> Any:
    """Return loss and accuracy per epoch for train and validation photos; the best is marked.

    Args:
        history: Of the result: epoch, and loss and accuracy alone (running means), with train_ and
            val_ before them; None where a number was not finite or not measured.
        best_epoch: The one that is kept.
    """
    rows = _list_points(history)
    panels = [_draw_panel(rows, panel, best_epoch, dark) for panel in _PANELS]
    chart = alt.hconcat(*panels, spacing=36)
    judged = any(epoch.get("val_loss") is not None for epoch in history)
    title = title_params(
        f"Epoch {best_epoch} of {len(history)} is the best one and is kept",
        f"Dashed: the best epoch, by {'validation' if judged else 'training'} loss",
    )
    return style_altair(chart, dark, title=title)


def _list_points(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"epoch": epoch["epoch"], "split": split, "measure": name, "value": value}
            for epoch in history
            for name, _, _ in _PANELS
            for split, prefix in _SPLITS.items()
            if (value := epoch.get(prefix + name)) is not None
        ],
        columns=["epoch", "split", "measure", "value"],
    )


def _draw_panel(
    rows: pd.DataFrame, panel: tuple[str, str, str], best_epoch: int, dark: bool
) -> Any:
    name, kind, words = panel
    colours = choose_palette(dark)
    drawn = rows[rows["measure"] == name]
    line_colours = {**colours.splits, "train, running mean": colours.quiet}
    last = max(2, int(drawn["epoch"].max())) if len(drawn) else 2
    epochs = alt.Scale(domain=[1, last], nice=False, zero=False)
    ticks = alt.Axis(tickMinStep=1, format="d", grid=False)
    axis = alt.Axis(labelExpr=PERCENT_LABELS) if kind == "share" else alt.Axis()
    base = alt.Chart(drawn).encode(
        x=alt.X("epoch:Q", title="epoch", scale=epochs, axis=ticks),
        y=alt.Y(
            "value:Q",
            title=words.lower(),
            axis=axis,
            scale=alt.Scale(zero=kind == "loss", nice=True),
        ),
        color=alt.Color(
            "split:N",
            title=None,
            scale=alt.Scale(domain=list(_SPLITS), range=[line_colours[one] for one in _SPLITS]),
            legend=alt.Legend(orient="right"),
        ),
    )
    best = alt.Chart(pd.DataFrame({"epoch": [best_epoch]}))
    rule = best.mark_rule(color=colours.quiet, strokeDash=[3, 3]).encode(
        x=alt.X("epoch:Q", scale=epochs)
    )
    points = base.mark_point(filled=True, size=28, opacity=1)
    return alt.layer(rule, base.mark_line(strokeWidth=1.8), points).properties(
        width=_WIDTH,
        height=_HEIGHT,
        title=alt.TitleParams(words, fontSize=13, frame="group", offset=10),
    )
