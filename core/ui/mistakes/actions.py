"""The deeds of the review: relabel, keep, exclude and undo, each an edit in the tray.

Each one goes on to the next photo and says what was done; an error keeps one where one is. Buttons
are named after their photo, so that what is pressed is never done to the one that comes next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.datasets.edits.tray import (
    Edit,
    add_edits,
    list_classes,
    list_edits,
    resolve_edits,
    undo_edits,
)
from core.errors import PetalscopeError
from core.formats import count, plain
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import title_run
from core.ui.parts.state import keep_choice, read_choice
from data.dataset import Dataset

REVIEW = "review"
"""Name in the URL of the photo under review."""
_DIGITS = 9
_DONE = "mistakes.done"
"""What was done last, as (went well, sentence or problem, remedy)."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the tray holds, read once a step."""

    last: Edit | None
    """The last edit; `u` takes back its batch."""
    words: dict[int, str]
    """Photo number → what becomes of it."""
    edits: int


def read_waiting(dataset: Dataset) -> Waiting:
    """Returns what waits in the tray of a dataset."""
    edits = list_edits(cache.workspace(), dataset.id)
    words = {}
    for row in resolve_edits(dataset, edits).to_dict("records"):
        parts = [
            f"{verb} {plain(str(row[new]), 30)}"
            for old, new, verb in (
                ("class", "new_class", "relabelled to"),
                ("split", "new_split", "moved to"),
            )
            if row[old] != row[new]
        ]
        words[int(row["photo"])] = "excluded" if row["excluded"] else ", ".join(parts)
    return Waiting(last=edits[-1] if edits else None, words=words, edits=len(edits))


def show_deeds(
    run: RunRecord, dataset: Dataset, photos: np.ndarray, place: int, keys: bool
) -> None:
    """Draws the best classes with their digits, other classes, keep and exclude.

    Args:
        run: The one in question.
        dataset: That of the photos.
        photos: (m,) int, the list that is gone through.
        place: Of the photo under review in it.
        keys: Whether the keys of the buttons are heard.
    """
    photo, result = int(photos[place]), cache.result(run.id)
    scores, label = result.scores[photo], int(result.labels[photo])
    best = np.argsort(-scores, kind="stable")[:_DIGITS]
    note = (
        f"{title_run(run)} says {result.classes[int(best[0])]}, "
        f"{format_share(float(scores[best[0]]))}"
    )
    with st.container(horizontal=True, gap="small"):
        for word, icon, key, deed in (
            ("Keep", "check", "0", _keep),
            ("Exclude", "block", "X", partial(_exclude, note=note)),
        ):
            st.button(
                word,
                icon=f":material/{icon}:",
                key=f"mistakes.{word}.{photo}",
                shortcut=key if keys else None,
                on_click=partial(deed, dataset, photos, place),
            )
        _show_other(dataset, photos, place, note)
    st.caption("A digit relabels and goes on; that of its own class keeps it.")
    with st.container(gap="xxsmall"):
        for digit, number in enumerate(best.tolist(), start=1):
            name, score = result.classes[number], format_share(float(scores[number]))
            own = number == label
            deed = _keep if own else partial(_relabel, name=name, note=note)
            st.button(
                f"{plain(name, 40)} · {score}",
                key=f"mistakes.digit.{digit}.{photo}",
                icon=":material/check:" if own else None,
                type="primary" if digit == 1 and not own else "secondary",
                shortcut=str(digit) if keys else None,
                width="stretch",
                on_click=partial(deed, dataset, photos, place),
            )


def _show_other(dataset: Dataset, photos: np.ndarray, place: int, note: str) -> None:
    with st.popover("Other", icon=":material/label:"):
        chosen = st.selectbox(
            "New class",
            list_classes(cache.workspace(), dataset),
            index=None,
            placeholder="Choose a class, or type a new one",
            accept_new_options=True,
            key=f"mistakes.class.{int(photos[place])}",
        )
        st.button(
            "Relabel this photo",
            type="primary",
            disabled=not chosen,
            key=f"mistakes.relabel.{int(photos[place])}",
            on_click=partial(_relabel, dataset, photos, place, name=str(chosen), note=note),
        )


def show_done() -> None:
    """Says what was done last, once; draws why it could not be done."""
    well, sentence, remedy = st.session_state.pop(_DONE, (True, "", ""))
    if not well:
        show_problem(sentence, remedy)
    elif sentence:
        st.markdown(f":green[:material/check: {sentence}]", width="content")


def go_to(photos: np.ndarray, place: int) -> None:
    """Makes the photo at a place of the list the one under review."""
    keep_choice(REVIEW, str(photos[min(max(place, 0), len(photos) - 1)]))


def _relabel(dataset: Dataset, photos: np.ndarray, place: int, *, name: str, note: str) -> None:
    make = partial(add_edits, cache.workspace(), dataset, [photos[place]], "relabel", name, note)
    _do(make, f"Relabelled to {plain(name, 30)}", photos, place)


def _exclude(dataset: Dataset, photos: np.ndarray, place: int, *, note: str) -> None:
    make = partial(add_edits, cache.workspace(), dataset, [photos[place]], "exclude", note=note)
    _do(make, "Excluded", photos, place)


def _keep(dataset: Dataset, photos: np.ndarray, place: int) -> None:
    """Goes on; what the tray holds for the photo is cancelled."""
    photo = int(photos[place])
    if photo in read_waiting(dataset).words:
        make = partial(add_edits, cache.workspace(), dataset, [photo], "restore")
        _do(make, "Kept as it is", photos, place)
    else:
        _do(None, "Kept as it is", photos, place)


def _do(make: Callable[[], int] | None, done: str, photos: np.ndarray, place: int) -> None:
    """Makes an edit, says what was done with which photo, and goes on to the next one.

    A key that is pressed twice in a hurry counts once: the second was meant for the same photo.
    """
    if read_choice(REVIEW) != str(photos[place]):
        return
    try:
        if make is not None:
            make()
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        st.session_state[_DONE] = (False, error.problem, error.remedy)
        return
    st.session_state[_DONE] = (True, f"{place + 1:,}: {done}", "")
    go_to(photos, place + 1)


def undo(dataset: Dataset, photos: np.ndarray, last: Edit | None) -> None:
    """Takes the batch of the last edit out of the tray and goes to its photo.

    Nothing is undone when another edit has come since: it would be one that was never seen.
    """
    if last is None:
        return
    undone = undo_edits(cache.workspace(), dataset.id, last.batch)
    numbers = np.flatnonzero(dataset.manifest["path"].to_numpy() == last.path)
    places = np.flatnonzero(np.isin(photos, numbers))
    if len(places):
        go_to(photos, int(places[0]))
    said = f"{count(undone, 'edit')} undone" if undone else "Nothing undone: the tray has changed"
    st.session_state[_DONE] = (True, said, "")
