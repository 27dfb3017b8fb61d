"""The slices page: accuracy along every property or what stands out, beside the chosen slice.

The chosen slice lives in the URL (`slice`); charts and table both write it there when clicked.
"""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.slices import SLICE, draw_bins
from core.evaluation.comparison import ALPHA
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import say_rule
from core.formats import count, interval, percent, percent_format, percent_ranges, plain
from core.runs.store import RunRecord
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import choose_by_row, keep_choice, read_chosen_mark
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.slices.findings import show_shortcuts, show_worst
from core.ui.slices.reading import VIEWS, SlicesPage, read_slices

_WRONG, _ALL = "wrong", "all"
_COLUMNS = 2
_TABLE = "slices.table"


def show_slices(run: RunRecord, split: str) -> None:
    """Draw the chosen view and, beside it, the photos of the chosen slice."""
    page = read_slices(run, split)
    if (n := len(page.result.photo_numbers(split))) > page.study.n:
        st.caption(f"{page.study.n:,} of the {n:,} photos in {split} are judged, drawn at random.")
    left, right = st.columns([7, 5], gap="medium")
    with left:
        _pick_view(page)
        if page.view == "worst":
            show_worst(page)
        elif page.view == "shortcuts":
            show_shortcuts(page.study)
        else:
            show_properties(page)
    with right, st.container(key="beside_charts"):  # wall.css keeps it in sight
        _show_slice(page)
    show_photo_panel(page.dataset)


def _pick_view(page: SlicesPage) -> None:
    """Draw the choice of a view; those with findings say how many."""
    numbers = {
        "worst": sum(one.is_confirmed for one in page.study.search.slices),
        "shortcuts": sum(one.is_warned for one in page.study.shortcuts),
    }
    names = {
        name: f"{label} ({numbers[name]})" if numbers.get(name) else label
        for name, label in VIEWS.items()
    }
    pick_linked("View", names, "by", "slices.view")


def _show_slice(page: SlicesPage) -> None:
    """Draw accuracy and photos of the slice that the URL names, or says how to choose one."""
    study = page.study
    if page.rule is None:
        if page.stated:
            st.caption(":orange[The link names a slice that this dataset does not have.]")
        st.info("Choose a slice: its photos appear here.", icon=":material/ads_click:")
        return
    photos, right = study.photos_in(page.rule)
    words = say_rule(page.rule, study.properties)
    with st.container(horizontal=True, vertical_alignment="top", horizontal_alignment="distribute"):
        st.subheader(plain(words[0].upper() + words[1:]), anchor=False)
        st.button(
            "Close",
            icon=":material/close:",
            type="tertiary",
            key="slices.close",
            on_click=lambda: keep_choice("slice", None),
        )
    if not len(photos):
        st.info(f"No {study.split} photo is in this slice.", icon=":material/filter_alt_off:")
        return
    low, high = wilson_interval(int(right.sum()), len(right))
    st.markdown(
        f"**{percent(float(right.mean()), len(right))}** right "
        f"({interval(low, high, len(right))}); all {study.split} photos: "
        f"{percent(study.accuracy, study.n)}."
    )
    _show_photos(page, photos, right)


def _show_photos(page: SlicesPage, photos: np.ndarray, right: np.ndarray) -> None:
    result = page.result
    words = {_WRONG: f"Wrong ({int((~right).sum()):,})", _ALL: f"All ({len(photos):,})"}
    shown = pick_linked("Photos", words, "shown", "slices.shown")
    wrong = set(photos[~right].tolist())
    listed = photos[~right] if shown == _WRONG else photos
    if not len(listed):
        st.success(
            f"None of these {count(len(photos), 'photo')} is wrong.", icon=":material/check_circle:"
        )
        return

    def describe(photo: int) -> str:
        true, answer = result.labels[photo], result.scores[photo].argmax()
        score = percent(float(result.scores[photo, answer]), 100).replace(" ", "\u00a0")
        return f"{result.classes[true]}\n{score} {result.classes[answer]}"

    st.caption("Below each photo: its true class, then score and class predicted; surest first.")
    show_gallery(
        page.dataset,
        page.order_photos(listed),
        key="slice",
        captions=describe,
        badges=lambda photo: ["wrong"] if shown == _ALL and photo in wrong else [],
    )


def show_properties(page: SlicesPage) -> None:
    """Draw one chart for each property that parts the photos, and the table behind them."""
    study = page.study
    parted = [name for name in study.ranking["name"] if len(study.bins[name]) > 1]
    alone = [plain(study.properties[name].label) for name in study.properties if name not in parted]
    if not parted:
        st.info("These photos are too few or too alike to be parted by any property.")
        return
    with st.container(border=True):
        _show_charts(page, parted)
    same = f" The same for all of these photos: {', '.join(alone)}." if alone else ""
    st.caption(
        "Beyond chance: a permutation test of right and wrong over the bins, adjusted by Holm for "
        f"{len(parted)} properties, p < 0.05.{same}"
    )
    tables = st.expander(
        "The numbers behind the charts", icon=":material/table:", key="slices.tables",
        on_change="rerun",
    )  # fmt: skip
    if tables.open:
        with tables:
            _show_table(page, parted)


def _show_charts(page: SlicesPage, parted: list[str]) -> None:
    st.caption(
        "Dots: accuracy of each bin with its 95 % interval. Dashed: all photos of the split. Bars "
        "and their numbers: n. Orange: the whole interval lies below the dashed line. Click a bin."
    )
    for first in range(0, len(parted), _COLUMNS):  # row by row, so that a phone keeps the order
        row = parted[first : first + _COLUMNS]
        for place, name in zip(st.columns(_COLUMNS, gap="small"), row, strict=False):
            with place:
                _show_chart(page, name)


def _show_chart(page: SlicesPage, name: str) -> None:
    study, run = page.study, page.run
    start = page.stated if page.stated in set(study.bins[name]["value"]) else ""
    # Another slice chosen elsewhere draws the chart anew; a click in itself need not.
    key = f"slices.{name}.{run.id}.{study.split}"
    clicked = f"{key}.clicked"
    if st.session_state.get(clicked, start) != start:
        st.session_state[f"{key}.turn"] = st.session_state.get(f"{key}.turn", 0) + 1
        st.session_state[clicked] = start
    widget = f"{key}.{st.session_state.get(f'{key}.turn', 0)}"
    first = st.session_state.setdefault(f"{widget}.start", start)

    def select() -> None:
        value = read_chosen_mark(widget, SLICE).get("value")
        st.session_state[clicked] = value or ""
        keep_choice("slice", value)

    label = study.properties[name].label
    ranked = study.ranking.set_index("name").loc[name]
    beyond = f"accuracy varies by ± {100 * ranked['spread']:.1f} points"
    show_kept_chart(
        _draw_property,
        study.bins[name],
        (label, beyond if ranked["p_value"] < ALPHA else "no difference beyond chance"),
        (study.accuracy, study.lowest_end),
        first,
        key=widget,
        on_select=select,
        selection_mode=SLICE,
        alt=f"Accuracy by {label.lower()}; the same numbers are in the table below.",
    )


def _draw_property(
    bins: pd.DataFrame, words: tuple[str, str], ends: tuple[float, float], chosen: str, dark: bool
) -> Any:
    """Draw a property under its name and a line below; ends: accuracy of all, and of the scale."""
    (title, subtitle), (accuracy, lowest) = words, ends
    return draw_bins(
        bins, title, accuracy, lowest=lowest, subtitle=subtitle, chosen=chosen, dark=dark
    )


def _show_table(page: SlicesPage, parted: list[str]) -> None:
    study, run = page.study, page.run
    labelled = [study.bins[name].assign(property=study.properties[name].label) for name in parted]
    table = pd.concat(labelled, ignore_index=True)
    values = table["value"].tolist()

    def choose(row: int | None) -> None:
        if row is not None:
            keep_choice("slice", values[row])

    shown = table[["property", "label", "n", "wrong"]].assign(
        accuracy=100 * table["accuracy"],
        interval=percent_ranges(table["low"], table["high"]),
        expected=100 * table["expected"],
    )
    st.dataframe(
        shown,
        hide_index=True,
        column_config=_configure(int(table["n"].max())),
        alt="Accuracy of each bin of each property",
        **choose_by_row(f"{_TABLE}.{run.id}.{study.split}", choose),
    )


def _configure(n: int) -> dict[str, Any]:
    form = percent_format(n)
    return {
        "property": "Property",
        "label": "Photos",
        "n": st.column_config.NumberColumn("n"),
        "wrong": st.column_config.NumberColumn("Wrong"),
        "accuracy": st.column_config.NumberColumn("Accuracy", format=form),
        "interval": st.column_config.TextColumn("95 % interval", help="Wilson, in percent."),
        "expected": st.column_config.NumberColumn(
            "By class",
            format=form,
            help="The accuracy that the classes of these photos alone would give.",
        ),
    }
