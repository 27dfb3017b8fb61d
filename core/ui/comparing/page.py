"""The comparison of two or more runs: verdict, recipes, curves, classes and photos."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts.bars import CHANGE, draw_class_changes
from core.formats import count, plain
from core.runs.common_photos import CommonPhotos
from core.runs.recipe.words import list_differences
from core.runs.store import RunRecord
from core.ui.comparing.reading import MOST_RUNS, Compared, ComparisonPage, read_comparison
from core.ui.comparing.verdict import draw_overlaid_curves, show_compared_table, show_headline
from core.ui.parts.charts import show_kept_chart, show_plot, show_table_behind
from core.ui.parts.frame import is_dark
from core.ui.parts.pickers import pick_linked, pick_named, pick_one, title_run
from core.ui.parts.seal import ask_before_test
from core.ui.parts.state import bind_choice, keep_choice, read_chosen_mark
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_KINDS = {"gained": "Gained", "lost": "Lost", "wrong": "Both wrong"}
_MEANINGS = {
    "gained": "Only {b} is correct. Captions: {a} → {b}.",
    "lost": "Only {a} is correct. Captions: {a} → {b}.",
    "wrong": "Both are wrong. Captions: true class, {a} → {b}.",
}
_SCROLL_ABOVE = 16
_COLUMNS = [
    "run",
    "epoch",
    *("train_loss", "train_accuracy", "val_loss", "val_accuracy"),
    "seconds",
]


def show_comparison() -> None:
    """Draw the comparison of the runs in the URL; nothing without any."""
    page = read_comparison()
    if page.left_out:
        total = len(page.runs) + page.left_out
        st.caption(f":orange[Only the first {MOST_RUNS} of {total} runs are compared.]")
    if len(page.runs) < 2:
        if page.stated:
            st.caption(":orange[A comparison needs two runs.]")
            _show_close()
        return
    st.subheader(f"{count(len(page.runs), 'run')} compared", anchor=False)
    _show_choices(page)
    verdict = st.container()
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        _show_recipes(page.runs)
    if page.curves:
        with right.container(border=True):
            show_plot(draw_overlaid_curves(page.curves, is_dark()), "runs.curves")
            rows = [{"run": one.name, **epoch} for one in page.curves for epoch in one.epochs]
            shown = pd.DataFrame(rows).reindex(columns=_COLUMNS)
            show_table_behind(shown, "The curves as a table")
    if not page.compares_photos:
        st.info(
            "Photos are compared when the baseline and another run are finished.",
            icon=":material/hourglass_top:",
        )
        return
    if page.split == "test":
        ask_before_test(*page.done)
    _show_answers(page, verdict)


def _show_answers(page: ComparisonPage, verdict: DeltaGenerator) -> None:
    """Draw the verdict in its place above, then classes and photos."""
    compared, problems = page.answers
    for problem in problems:
        st.caption(f":orange[{problem}]")
    if not compared:
        return
    with verdict:
        if len(compared) > 1:
            show_compared_table(list(compared.values()), list(page.p_values.values()))
            names = {one: title_run(compared[one].run) for one in compared}
            bound = bind_choice("beside", page.looked_at.run.id, key="runs.beside")
            pick_named(f"Details: {title_run(page.runs[0])} against", names, width=420, **bound)
        one = page.looked_at
        show_headline(one, page.p_values[one.run.id])
    if one.comparison.gained + one.comparison.lost + one.comparison.both_wrong == 0:
        return
    with st.container(border=True):
        _show_class_changes(one)
    _show_photos(page, one)


def _show_choices(page: ComparisonPage) -> None:
    """Draw baseline, split (for two finished runs) and Close."""
    names = {run.id: title_run(run) for run in page.runs}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bound = bind_choice(
            "compare",
            page.runs[0].id,
            key="runs.baseline",
            write=lambda first: ",".join(dict.fromkeys((first, *names))),
        )
        pick_named("Baseline", names, width=320, **bound)
        if page.splits:
            pick_one(
                "Split",
                {one: one for one in page.splits},
                bind_choice("split", page.split, key="runs.split"),
                explanation="Only photos that both runs have in this split are compared.",
            )
        _show_close()


def _show_close() -> None:
    st.button(
        "Close",
        icon=":material/close:",
        key="runs.close",
        type="tertiary",
        on_click=lambda: keep_choice("compare", None),
    )


def _show_recipes(runs: Sequence[RunRecord]) -> None:
    """Draw the settings that differ between the recipes."""
    st.markdown("**Different settings**")
    differences = list_differences([run.recipe for run in runs])
    if any(run.recipe.is_added for run in runs):
        known = ("strategy", "weights file", "predictions")
        differences = [one for one in differences if one.setting in known]
    if not differences:
        st.caption("None: the recipes are the same.")
        return
    table = pd.DataFrame(
        [one.values for one in differences],
        index=pd.Index([one.setting for one in differences], name="setting"),
        columns=[f"Run {run.number}" for run in runs],
    )
    st.dataframe(
        table if len(runs) <= 4 else table.T, alt="Settings in which the recipes of the runs differ"
    )


def _show_class_changes(one: Compared) -> None:
    """Draw the photos that each class gained and lost; a click chooses them below."""
    baseline, run, compared = one.baseline, one.run, one.comparison
    if compared.gained + compared.lost == 0:
        st.caption("No class gained or lost a photo.")
    else:
        changed = int(((compared.per_class[["gained", "lost"]]).sum(axis=1) > 0).sum())
        # Removing the filter below also clears the selection: the key changes.
        key = f"runs.changes.{baseline.id}.{run.id}.{st.session_state.get('runs.redrawn', 0)}"
        with st.container(height=520 if changed > _SCROLL_ABOVE else "content", border=False):
            show_kept_chart(
                draw_class_changes,
                compared.per_class,
                key=key,
                on_select=partial(_choose_change, key),
                selection_mode=CHANGE,
                alt="Photos gained and lost in each class; as a table below.",
            )
        st.caption("Click a bar to see its photos below.")
    table = compared.per_class.assign(
        **{name: 100 * compared.per_class[name] for name in ("recall_a", "recall_b", "difference")}
    )
    show_table_behind(
        table.sort_values("difference", ascending=False, kind="stable"),
        hide_index=True,
        column_config=_configure_classes(baseline, run),
        alt="Recall of each class in both runs, photos gained and lost",
    )


def _show_photos(page: ComparisonPage, one: Compared) -> None:
    """Draw the photos gained, lost, or wrong in both, of all classes or the chosen one."""
    common, kinds = one.common, one.kinds
    of = page.of
    st.subheader("Photos", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        first = next((name for name, chosen in kinds.items() if chosen.any()), "gained")
        names = {name: f"{_KINDS[name]} ({int(kinds[name].sum()):,})" for name in kinds}
        kind = pick_linked("Photos", names, "photos", "runs.kind", first)
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
    st.caption(_MEANINGS[kind].format(a="the baseline", b=f"run {one.run.number}"))
    if len(rows) == 0:
        st.info("No photos.", icon=":material/filter_alt_off:")
        return
    dataset = page.read_dataset()
    photos = common.photos_b[rows]
    said = {int(p): _caption(common, int(row), kind) for p, row in zip(photos, rows, strict=True)}
    show_gallery(dataset, photos, key="compared", captions=said.__getitem__)
    show_photo_panel(dataset)


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
            help="McNemar's exact test, adjusted for the number of classes.",
        ),
    }


def _choose_change(key: str) -> None:
    bar = read_chosen_mark(key, CHANGE)
    keep_choice("of", bar.get("class"))
    if bar:
        keep_choice("photos", bar["change"])


def _forget_class() -> None:
    keep_choice("of", None)
    st.session_state["runs.redrawn"] = st.session_state.get("runs.redrawn", 0) + 1
