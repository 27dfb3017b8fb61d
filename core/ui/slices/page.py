"""The page Slices: accuracy by property, worst slices or shortcuts, and the photos of a slice.

A click in a chart or a table writes the chosen slice into the URL (`slice`).
"""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.charts.slices import SLICE, draw_bins
from core.evaluation.comparison import ALPHA
from core.evaluation.intervals import wilson_interval
from core.evaluation.slices import say_rule
from core.formats import count, interval, percent, percent_format, percent_ranges, plain
from core.runs.store import RunRecord
from core.ui.parts.charts import show_folded, show_kept_chart
from core.ui.parts.pickers import pick_linked
from core.ui.parts.state import choose_by_row, keep_choice, read_chosen_mark
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.slices.findings import VIEWS, SlicesPage, read_slices, show_shortcuts, show_worst

_WRONG, _ALL = "wrong", "all"
_COLUMNS = 2
_TABLE = "slices.table"


def show_slices(run: RunRecord, split: str) -> None:
    """Draw the chosen view, and the photos of the chosen slice."""
    page = read_slices(run, split)
    if (n := len(page.result.photo_numbers(split))) > page.study.n:
        st.caption(f"Based on a random {page.study.n:,} of the {n:,} photos in the {split} split.")
    left, right = st.columns([7, 5], gap="medium")
    numbers = {
        "worst": sum(one.is_confirmed for one in page.study.search.slices),
        "shortcuts": sum(one.is_warned for one in page.study.shortcuts),
    }
    views = {
        name: f"{label} ({numbers[name]})" if numbers.get(name) else label
        for name, label in VIEWS.items()
    }
    with left:
        pick_linked("View", views, "by", "slices.view")
        if page.view == "worst":
            show_worst(page)
        elif page.view == "shortcuts":
            show_shortcuts(page.study)
        else:
            show_properties(page)
    with right, st.container(key="beside_charts"):  # frame.css keeps it in sight
        _show_slice(page)
    show_photo_panel(page.dataset)


def _show_slice(page: SlicesPage) -> None:
    """Draw accuracy and photos of the chosen slice."""
    study = page.study
    if page.rule is None:
        if page.stated:
            st.caption(":orange[This dataset does not have the slice of the link.]")
        st.info("Choose a slice to see its photos.", icon=":material/ads_click:")
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
        st.info(f"No {study.split} photos in this slice.", icon=":material/filter_alt_off:")
        return
    low, high = wilson_interval(int(right.sum()), len(right))
    st.markdown(
        f"Accuracy **{percent(float(right.mean()), len(right))}** "
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
            f"All {count(len(photos), 'photo')} are correct.", icon=":material/check_circle:"
        )
        return

    def describe(photo: int) -> str:
        true, answer = result.labels[photo], result.scores[photo].argmax()
        score = result.say_score(photo, answer)
        return f"{result.classes[true]}\n{result.classes[answer]} {score}".strip()

    order = " with its score; most confident first" if result.scored != "none" else ""
    st.caption(f"True class, then predicted class{order}.")
    show_gallery(
        page.dataset,
        page.order_photos(listed),
        key="slice",
        captions=describe,
        badges=lambda photo: ["wrong"] if shown == _ALL and photo in wrong else [],
    )


def show_properties(page: SlicesPage) -> None:
    """Draw a chart for each property that differs between the photos, and the table behind."""
    study = page.study
    parted = [name for name in study.ranking["name"] if len(study.bins[name]) > 1]
    alone = [plain(study.properties[name].label) for name in study.properties if name not in parted]
    if not parted:
        st.info("No property differs between these photos, or there are too few of them.")
        return
    with st.container(border=True):
        st.caption(
            "Accuracy of each bin with its 95 % interval. Dashed: all photos. Orange: the interval "
            "is below. Click a bin to see its photos.",
            help="Bars and numbers: photos of the bin. Differences between bins: permutation test, "
            f"adjusted for {len(parted)} properties (Holm), p < 0.05.",
        )
        for first in range(0, len(parted), _COLUMNS):  # row by row, so that a phone keeps the order
            row = parted[first : first + _COLUMNS]
            for place, name in zip(st.columns(_COLUMNS, gap="small"), row, strict=False):
                with place:
                    _show_chart(page, name)
    if alone:
        st.caption(f"The same for all of these photos: {', '.join(alone)}.")
    show_folded("As a table", partial(_show_table, page, parted))


def _show_chart(page: SlicesPage, name: str) -> None:
    study, run = page.study, page.run
    start = page.stated if page.stated in set(study.bins[name]["value"]) else ""
    # A slice chosen elsewhere redraws the chart; a click in the chart itself does not.
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
    spread = f"accuracy varies by ± {100 * ranked['spread']:.1f} points"
    show_kept_chart(
        draw_bins,
        study.bins[name],
        (label, spread if ranked["p_value"] < ALPHA else "no significant difference"),
        (study.accuracy, study.lowest_end),
        first,
        key=widget,
        on_select=select,
        selection_mode=SLICE,
        alt=f"Accuracy by {label.lower()}; as a table below.",
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
    form = percent_format(int(table["n"].max()))
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "property": "Property",
            "label": "Photos",
            "n": "n",
            "wrong": "Wrong",
            "accuracy": st.column_config.NumberColumn("Accuracy", format=form),
            "interval": "95 % interval",
            "expected": st.column_config.NumberColumn(
                "By class", format=form, help="Accuracy expected from the classes of these photos."
            ),
        },
        alt="Accuracy of each bin of each property",
        **choose_by_row(f"{_TABLE}.{run.id}.{study.split}", choose),
    )
