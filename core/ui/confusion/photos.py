"""The photos behind a cell, a row or a column, and what both classes of a pair look like."""

from functools import partial

import numpy as np
import streamlit as st

from core.evaluation.confusion import photos_in_cell
from core.evaluation.intervals import wilson_interval
from core.formats import count, interval, percent, plain
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.confusion.choice import Chosen, choose, forget_row
from core.ui.confusion.reading import typical_photos
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel
from core.ui.wall import show_wall

_TYPICAL = 6


def show_chosen_photos(run: RunRecord, split: str, chosen: Chosen | None) -> None:
    """Draws the photos of what is chosen, wrong ones first, the surest answer first."""
    dataset = cache.dataset(run.recipe.dataset)
    if chosen is None:
        st.info(
            "Choose a cell, a row or a column of the matrix, or a pair of the list: its photos "
            "appear here.",
            icon=":material/ads_click:",
        )
        show_photo_panel(dataset)
        return
    result = cache.result(run.id)
    rows = result.photo_numbers(split)
    scores = result.scores[rows]
    predictions = scores.argmax(axis=1)
    photos = rows[
        photos_in_cell(result.labels[rows], predictions, scores, chosen.true, chosen.predicted)
    ]
    st.subheader(_title(result, chosen), anchor=False)
    st.caption(_describe(result, rows, chosen, len(photos), split))
    if chosen.is_error:
        with st.container(horizontal=True, vertical_alignment="center"):
            _show_way_back(result, rows, chosen)
            if len(photos):
                _show_way_to_review(run, split, result, chosen)
    answers = {int(photo): int(result.scores[photo].argmax()) for photo in photos}

    def describe(photo: int) -> str:
        answer = answers[photo]
        score = percent(float(result.scores[photo, answer]), 100).replace(" ", "\u00a0")
        said = f"{score} {result.classes[answer]}"
        return f"{result.classes[result.labels[photo]]}\n{said}" if chosen.true is None else said

    def mark(photo: int) -> list[str]:
        return ["wrong"] if answers[photo] != result.labels[photo] else []

    whole = chosen.true is None or chosen.predicted is None
    if len(photos):
        show_gallery(dataset, photos, key="cell", captions=describe, badges=mark if whole else None)
    if chosen.is_error:
        _show_typical(run, result, chosen)
    show_photo_panel(dataset)


def _title(result: RunResult, chosen: Chosen) -> str:
    true, predicted = (
        None if number is None else plain(result.classes[number], 60)
        for number in (chosen.true, chosen.predicted)
    )
    if predicted is None:
        return f"All photos of {true}"
    if true is None:
        return f"All photos taken for {predicted}"
    return f"{true} {'recognised as' if true == predicted else 'taken for'} {predicted}"


def _describe(result: RunResult, rows: np.ndarray, chosen: Chosen, photos: int, split: str) -> str:
    """Returns how many photos these are, of how many, with the interval of the share."""
    labels, predictions = result.labels[rows], result.scores[rows].argmax(axis=1)
    if chosen.true is None:
        n = photos
        shown = int((labels[predictions == chosen.predicted] == chosen.predicted).sum())
        words = f"{count(n, 'photo')} in {split}; {shown:,} of them are that class"
    else:
        name = plain(result.classes[chosen.true], 60)
        n = int((labels == chosen.true).sum())
        if chosen.predicted is None:
            shown = int((predictions[labels == chosen.true] == chosen.true).sum())
            words = f"{count(n, 'photo')} in {split}; {shown:,} of them recognised"
        else:
            shown = photos
            words = f"{shown:,} of the {count(n, 'photo')} of {name} in {split}"
    if n == 0:
        return f"{words}."
    bounds = interval(*wilson_interval(shown, n), n)
    first = "Surest answer first." if chosen.is_error else "Wrong ones first, the surest first."
    return f"{words}: {percent(shown / n, n)} ({bounds}). {first}"


def _show_way_back(result: RunResult, rows: np.ndarray, chosen: Chosen) -> None:
    """Draws the button to the mirrored cell."""
    true, predicted = chosen.true, chosen.predicted
    assert true is not None and predicted is not None
    labels, predictions = result.labels[rows], result.scores[rows].argmax(axis=1)
    mirrored = int(((labels == predicted) & (predictions == true)).sum())

    def turn() -> None:
        forget_row()
        choose(result.classes, predicted, true)

    st.button(
        f"The other way round: {count(mirrored, 'photo')}",
        icon=":material/swap_horiz:",
        type="tertiary",
        key="confusion.mirror",
        on_click=turn,
        disabled=mirrored == 0,
    )


def _show_way_to_review(run: RunRecord, split: str, result: RunResult, chosen: Chosen) -> None:
    assert chosen.true is not None and chosen.predicted is not None
    st.page_link(
        page_file("mistakes"),
        label="Why: review them one by one",
        icon=":material/rule:",
        query_params={
            "run": run.id,
            "split": split,
            "true": result.classes[chosen.true],
            "predicted": result.classes[chosen.predicted],
        },
    )


def _show_typical(run: RunRecord, result: RunResult, chosen: Chosen) -> None:
    """Draws typical train photos of both classes side by side."""
    for place, (number, role) in zip(
        st.columns(2, gap="medium"),
        ((chosen.true, "True class"), (chosen.predicted, "Taken for")),
        strict=True,
    ):
        assert number is not None
        typical = typical_photos(run.id, number, _TYPICAL)
        with place.container(border=True):
            st.markdown(f"**{role}: typical {plain(result.classes[number], 40)}**")
            _show_strip(run, typical.photos, role, result.classes[number])
            st.caption(
                "Train photos that the run recognises, nearest to the middle of the class."
                if typical.by_features
                else "Train photos that the run recognises, the surest first (its features are "
                "gone, so the middle of the class is not known)."
            )


def _show_strip(run: RunRecord, photos: np.ndarray, role: str, name: str) -> None:
    if len(photos) == 0:
        st.caption(f"The run recognises no train photo of {plain(name, 40)}.")
        return
    result = cache.result(run.id)
    number = result.classes.index(name)
    say = partial(_say_score, result, number)
    dataset = cache.dataset(run.recipe.dataset)
    show_wall(
        dataset,
        photos,
        key=f"typical.{role.split()[0].lower()}",
        captions=say,
        selectable=False,
    )


def _say_score(result: RunResult, number: int, photo: int) -> str:
    return percent(float(result.scores[photo, number]), 100).replace(" ", "\u00a0")
