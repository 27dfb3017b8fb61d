"""Lists of classes that hold the right one as often as promised: what they are, and how they do."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.evaluation.prediction_sets import (
    Method,
    SetRule,
    SetWish,
    expect_coverage,
    measure_coverage,
)
from core.formats import count, interval, percent
from core.prediction.deciding import DecisionRule, say_promise
from core.ui.calibration.reading import CalibrationPage, count_behind, find_sets
from core.ui.parts.charts import show_metrics
from core.ui.photos.gallery import show_gallery

_PROMISES = (80, 90, 95, 99)
_METHODS: dict[Method, str] = {"lac": "Shortest", "raps": "Adaptive"}


def pick_sets(page: CalibrationPage, degree: float) -> SetRule | None:
    """Draw the controls of the list; return how it is made, None where none is."""
    kept, n = page.kept.sets if page.kept else None, len(page.validation)
    wish, few = kept.wish if kept else SetWish(0.95), n < _count_needed(80)
    wanted = st.toggle(
        "Give a list that holds the right class",
        value=kept is not None and not few,
        disabled=few,
        key=f"calibration.lists.{page.run.id}",
        help="Beside the answer: the few classes among which the right one is as often as you say, "
        "with a guarantee that does not rest on the scores being right (conformal prediction).",
    )
    if few:
        st.caption(f"No list: {count(n, 'validation photo')} can promise nothing.")
    if not wanted:
        return None
    found = find_sets(page.run.id, degree, _pick_wish(page, wish))
    if found is not None:
        st.caption(f"In the list {say_promise(found)}, n = {found.n:,} validation photos.")
    return found


def _pick_wish(page: CalibrationPage, wish: SetWish) -> SetWish:
    """Draw what is promised, and of whom; begins with `wish`."""
    promises = [one for one in _PROMISES if len(page.validation) >= _count_needed(one)]
    promise = st.select_slider(
        "The right class is in it",
        promises,
        value=min(promises, key=lambda one: abs(one - 100 * wish.promise)),
        format_func=lambda percent: f"{percent} of 100",
        key=f"calibration.promise.{page.run.id}",
    )
    method = st.segmented_control(
        "Its length",
        list(_METHODS),
        default=wish.method,
        required=True,
        format_func=_METHODS.__getitem__,
        key=f"calibration.method.{page.run.id}",
        help="Shortest: all classes above one score (LAC). Adaptive: longer for hard photos, "
        "down to a sum of scores, with a penalty for long lists (RAPS).",
    )
    by_class = st.toggle(
        "… of each class",
        value=wish.by_class,
        key=f"calibration.lists_by_class.{page.run.id}",
        help="The promise is kept of each class, not only over all photos: lists grow. Classes "
        f"with fewer than {_count_needed(promise)} validation photos share limits in clusters.",
    )
    return SetWish(promise / 100, method, by_class)


def _count_needed(promise: int) -> int:
    """Return how many photos a promise in percent needs at least: 19 for 95."""
    return -(-promise // (100 - promise))


def show_lists(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw how often the lists of a split hold the right class, and how long they are."""
    listed, labels = page.list_sets(rule), page.result.labels[page.numbers]
    if rule.sets is None or listed is None or not len(labels):
        off = "No list is given: switch on “Give a list that holds the right class”."
        st.info("Too few photos to judge lists by." if rule.sets else off, icon=":material/list:")
        return
    share, low, high = measure_coverage(listed, labels)
    lengths, n = listed.sum(axis=1), len(labels)
    figures = {
        "Right class in the list": percent(share, n),
        "Classes in a list": f"{lengths.mean():.1f}",
        "Lists of one class": percent(float((lengths == 1).mean()), n),
    }
    show_metrics(figures)
    ends = expect_coverage(rule.sets.n, rule.sets.promise)
    notes = {
        "validation": "Each photo is judged by limits that the others chose. These photos also "
        "chose the best epoch, so new ones may do a little worse.",
        "train": "The run learnt these photos: on new ones lists hold the right class less often.",
        "test": "The limits come from validation photos: these chose nothing.",
    }
    st.caption(
        f"In the list: {interval(low, high, n)}; promised: "
        f"{100 * rule.sets.promise:.0f} %. {notes[page.split]}",
        help=f"With {rule.sets.n:,} photos to choose it, a limit truly keeps {100 * ends[0]:.0f} "
        f"to {100 * ends[1]:.0f} % in 95 of 100 such draws (a beta distribution): of photos like "
        "these. When photos drift (Monitoring), nothing is promised.",
    )
    _show_lengths(lengths, listed[np.arange(n), labels])
    _show_classes(page, rule, listed, labels)


def _show_lengths(lengths: np.ndarray, held: np.ndarray) -> None:
    rows = [
        {
            "Classes in the list": int(length),
            "Photos": int((lengths == length).sum()),
            "Share": 100 * float((lengths == length).mean()),
            **_describe_share(held[lengths == length]),
        }
        for length in np.unique(lengths)
    ]
    st.markdown("**How long the lists are**")
    _show_table(rows, "How many photos have a list of each length, and hold the right class")


def _show_classes(
    page: CalibrationPage, rule: DecisionRule, listed: np.ndarray, labels: np.ndarray
) -> None:
    """Draw how the promise is kept of each class, the worst first."""
    held, lengths = listed[np.arange(len(labels)), labels], listed.sum(axis=1)
    assert rule.sets is not None
    limits = rule.sets.class_limits
    behind = count_behind(page.run.id, rule.temperature, rule.sets.wish) if limits else np.zeros(0)
    rows: list[dict[str, Any]] = []
    for number in np.unique(labels):
        inside, name = labels == number, page.result.classes[number]
        rows.append(
            {
                "Class": name,
                "Photos": int(inside.sum()),
                **_describe_share(held[inside]),
                "Length": float(lengths[inside].mean()),
            }
            | ({"Limit": limits[name], "Chosen on": int(behind[number])} if limits else {})
        )
    st.markdown("**Each class**: how often its photos have it in their list")
    _show_table(sorted(rows, key=lambda row: row["Held"]), "How the promise is kept of each class")
    if not limits:
        st.caption("The promise is of all photos together: a class can stay below it.")
        return
    needed = _count_needed(round(100 * rule.sets.promise))
    n = np.bincount(page.result.labels[page.validation], minlength=len(limits))
    st.caption(
        f"{int((n >= needed).sum()):,} of {count(len(n), 'class')} have the {needed} validation "
        "photos for a limit of their own; the others share one with classes alike (half of their "
        "photos say which, half choose it), or have that of all: nothing is promised of each."
    )


def _describe_share(held: np.ndarray) -> dict[str, Any]:
    low, high = wilson_interval(int(held.sum()), len(held))
    return {
        "Held": 100 * float(held.mean()),
        "95 % interval": f"{100 * low:.0f} to {100 * high:.0f}",
    }


def _show_table(rows: list[dict[str, Any]], alt: str) -> None:
    table = pd.DataFrame(rows)
    config = {
        "Held": st.column_config.NumberColumn(
            "Right class in it", format="%.0f %%", help="Share of the photos."
        ),
        "Share": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
        "Length": st.column_config.NumberColumn(format="%.1f", help="Classes in a list, mean."),
        "Limit": st.column_config.NumberColumn(format="%.3f", help="Equal: one cluster."),
        "Chosen on": st.column_config.NumberColumn(help="Validation photos behind the limit."),
    }
    height = min(400, 38 + 35 * len(table))
    st.dataframe(table, hide_index=True, height=height, column_config=config, alt=alt)


def show_list_photos(page: CalibrationPage, rule: DecisionRule) -> None:
    """Draw the photos whose list does not hold their class, the surest first."""
    listed, labels = page.list_sets(rule), page.result.labels[page.numbers]
    if listed is None:  # said above
        return
    rows = np.flatnonzero(~listed[np.arange(len(labels)), labels])
    st.subheader("The right class is not in the list", anchor=False)
    if not len(rows):
        st.info("No photo.", icon=":material/check_circle:")
        return
    scores, classes = page.temper(rule.temperature), page.result.classes
    rows = rows[np.argsort(-scores[rows].max(axis=1), kind="stable")]
    st.caption(f"{count(len(rows), 'photo')}. True class → list; the surest first.")

    def describe(photo: int) -> str:
        row = int(np.searchsorted(page.numbers, photo))
        names = [classes[number] for number in np.flatnonzero(listed[row])]
        more = f" +{len(names) - 3}" if len(names) > 3 else ""
        return f"{classes[labels[row]]} → {', '.join(names[:3])}{more}"

    show_gallery(page.dataset, page.numbers[rows], key="lists", captions=describe)
