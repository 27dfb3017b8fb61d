"""What a comparison shows: recipe differences, curves, classes, and the photos gained and lost."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.comparison import CHANGE, draw_class_changes
from core.evaluation.comparison import Comparison
from core.formats import plain
from core.runs.common_photos import CommonPhotos
from core.runs.events import curve
from core.runs.recipe.words import list_differences
from core.runs.store import RunRecord
from core.ui.comparing.curves import Axis, RunCurve, draw_overlaid_curves
from core.ui.parts import cache
from core.ui.parts.charts import show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_AXES: dict[Axis, str] = {"epoch": "By epoch", "seconds": "By time"}
_KINDS = {"gained": "Gained", "lost": "Lost", "wrong": "Both wrong"}
_MEANINGS = {
    "gained": "Only {b} is right; under each photo: what {a} said → what {b} says.",
    "lost": "Only {a} is right; under each photo: what {a} said → what {b} says.",
    "wrong": "Neither is right; under each photo: its class, what {a} said → what {b} says.",
}
_SCROLL_ABOVE = 16


def show_recipes(runs: Sequence[RunRecord]) -> None:
    """Draws the settings in which the recipes differ, and only those."""
    st.markdown("**What differs in the recipes**")
    differences = list_differences([run.recipe for run in runs])
    if not differences:
        st.caption("Nothing: the recipes are the same.")
        return
    table = pd.DataFrame(
        [one.values for one in differences],
        index=pd.Index([one.setting for one in differences], name="setting"),
        columns=[f"Run {run.number}" for run in runs],
    )
    st.dataframe(
        table if len(runs) <= 4 else table.T, alt="Settings in which the recipes of the runs differ"
    )
    st.caption("All other settings are the same. A dash: the recipe does not use it.")


def show_curves(runs: Sequence[RunRecord]) -> None:
    """Draws the validation curves of the runs over one another."""
    key = "runs.along"
    stated = read_choice("along")
    st.session_state[key] = stated if stated in _AXES else "epoch"
    chosen = st.segmented_control(
        "Curves along",
        list(_AXES),
        key=key,
        format_func=_AXES.__getitem__,
        on_change=lambda: keep_choice("along", st.session_state[key]),
        label_visibility="collapsed",
        required=True,
    )
    along: Axis = "seconds" if chosen == "seconds" else "epoch"
    curves = [
        RunCurve(
            name=_escape(title_run(run)),
            epochs=curve(cache.event_tail(run.id).read()),
            best_epoch=run.best_epoch,
        )
        for run in runs
    ]
    st.plotly_chart(
        draw_overlaid_curves(curves, along, is_dark()),
        theme=None,
        key="runs.curves",
        config={"displayModeBar": False},
        width="stretch",
    )
    rows = [{"run": one.name, **epoch} for one in curves for epoch in one.epochs]
    columns = ["run", "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    show_table_behind(pd.DataFrame(rows).reindex(columns=columns), "The curves as a table")


def show_class_changes(baseline: RunRecord, run: RunRecord, compared: Comparison) -> None:
    """Draws what each class gained and lost; a click on a bar chooses its photos below."""
    if compared.gained + compared.lost == 0:
        st.caption("No class gained or lost a photo.")
    else:
        changed = int(((compared.per_class[["gained", "lost"]]).sum(axis=1) > 0).sum())
        # A filter that is taken away below must also be taken off the chart: drawn anew then.
        key = f"runs.changes.{baseline.id}.{run.id}.{st.session_state.get('runs.redrawn', 0)}"
        with st.container(height=520 if changed > _SCROLL_ABOVE else "content", border=False):
            st.altair_chart(
                draw_class_changes(compared.per_class, is_dark()),
                theme=None,
                key=key,
                on_select=partial(_choose_change, key),
                selection_mode=CHANGE,
                alt="Photos gained and lost in each class; the table below says the same.",
            )
        st.caption("Click a bar: its photos appear below.")
    table = compared.per_class.assign(
        **{name: 100 * compared.per_class[name] for name in ("recall_a", "recall_b", "difference")}
    )
    with st.expander("Each class as a table", icon=":material/table:"):
        st.dataframe(
            table.sort_values("difference", ascending=False, kind="stable"),
            hide_index=True,
            column_config=_configure_classes(baseline, run),
            alt="Recall of each class in both runs, photos gained and lost",
        )


def show_photos(run: RunRecord, common: CommonPhotos) -> None:
    """Draws the photos gained, lost, or wrong in both, of all classes or of the chosen one."""
    right_a = common.predictions_a == common.labels
    right_b = common.predictions_b == common.labels
    kinds = {"gained": right_b & ~right_a, "lost": right_a & ~right_b, "wrong": ~right_a & ~right_b}
    of = read_choice("of")
    st.subheader("Photos", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = _pick_kind(kinds)
        if of in common.classes:
            st.button(
                f"Class: {plain(of, 40)}",
                icon=":material/close:",
                key="runs.of",
                on_click=_forget_class,
                help="Show all classes",
            )
    chosen = kinds[kind]
    if of in common.classes:
        chosen = chosen & (common.labels == common.classes.index(of))
    rows = np.flatnonzero(chosen)
    st.caption(_MEANINGS[kind].format(a="the baseline", b=f"run {run.number}"))
    if len(rows) == 0:
        st.info("No photo.", icon=":material/filter_alt_off:")
        return
    dataset = cache.dataset(run.recipe.dataset)
    photos = common.photos_b[rows]
    said = {int(p): _caption(common, int(row), kind) for p, row in zip(photos, rows, strict=True)}
    show_gallery(dataset, photos, key="compared", captions=said.__getitem__)
    show_photo_panel(dataset)


def _pick_kind(kinds: dict[str, np.ndarray]) -> str:
    key = "runs.kind"
    stated = read_choice("photos")
    first = next((name for name, chosen in kinds.items() if chosen.any()), "gained")
    st.session_state[key] = stated if stated in kinds else first
    return str(
        st.segmented_control(
            "Photos",
            list(kinds),
            key=key,
            format_func=lambda one: f"{_KINDS[one]} ({int(kinds[one].sum()):,})",
            on_change=lambda: keep_choice("photos", st.session_state[key]),
            label_visibility="collapsed",
            required=True,
        )
    )


def _caption(common: CommonPhotos, row: int, kind: str) -> str:
    a = common.classes[common.predictions_a[row]]
    b = common.classes[common.predictions_b[row]]
    change = a if a == b else f"{a} → {b}"
    return f"{common.classes[common.labels[row]]}: {change}" if kind == "wrong" else change


def _configure_classes(baseline: RunRecord, run: RunRecord) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "class": st.column_config.TextColumn("Class", pinned=True),
        "support": number("Photos"),
        "recall_a": number(f"Recall, run {baseline.number}", format="%.0f %%"),
        "recall_b": number(f"Recall, run {run.number}", format="%.0f %%"),
        "difference": number("Difference", format="%+.0f points"),
        "gained": number("Gained"),
        "lost": number("Lost"),
        "p_value": number(
            "p",
            format="%.3f",
            help="McNemar's exact test of this class alone, adjusted for the number of classes.",
        ),
    }


def _choose_change(key: str) -> None:
    bars: list[dict[str, Any]] = st.session_state[key]["selection"].get(CHANGE) or []
    keep_choice("of", str(bars[0]["class"]) if bars else None)
    if bars:
        keep_choice("photos", str(bars[0]["change"]))


def _forget_class() -> None:
    keep_choice("of", None)
    st.session_state["runs.redrawn"] = st.session_state.get("runs.redrawn", 0) + 1


def _escape(name: str) -> str:
    """Returns a name that Plotly draws as it is: it reads a little HTML."""
    return name.replace("&", "&amp;").replace("<", "&lt;")
