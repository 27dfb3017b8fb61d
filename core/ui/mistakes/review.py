"""The review of photos one by one: arrows move, digits relabel, x excludes.

Nothing here changes the dataset: each action adds an edit to the tray, confirms it and moves on; an
error stays on the photo. The photo under review is in the URL (`review`), so a reload returns to
it. Buttons are named after their photo, so that a late click never acts on the next one.
"""

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.datasets.edits.tray import Edit, add_edits, undo_edits
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.mistakes.reading import REVIEW, MistakesPage, Waiting, is_reviewing, read_waiting
from core.ui.parts import cache
from core.ui.parts.components import KeyQueue
from core.ui.parts.frame import page_file
from core.ui.parts.messages import keep_done, report_errors, show_done, show_problem
from core.ui.parts.pickers import pick_or_type, title_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.explaining import show_explanation, show_why
from core.ui.photos.panel import redraw, redraw_after_panel, show_photo, show_photo_panel
from core.ui.photos.reading import prefetch
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset

_DIGITS = 9
_PANEL = "photo"
"""Name in the URL of the photo whose panel is open."""
_NEAREST = 6
_TINY = float(np.finfo(np.float32).eps)
"""Least score in a logarithm, as in the loss of the metrics."""


@dataclass(frozen=True)
class _Reviewed:
    """The photo under review as it is drawn."""

    dataset: Dataset
    photos: np.ndarray
    place: int
    waiting: str
    """Its edit in the tray, in words; empty without one."""

    @property
    def photo(self) -> int:
        return int(self.photos[self.place])


@st.fragment
def show_review(page: MistakesPage) -> None:
    """Draw the photo under review with its evidence and the actions."""
    if not is_reviewing():  # back to the gallery, which is outside this fragment
        st.rerun()
    redraw_after_panel()
    with report_errors():
        _draw_step(page)


def _draw_step(page: MistakesPage) -> None:
    dataset, photos = page.dataset, page.photos
    place = page.find_place()
    keys = KeyQueue("mistakes", REVIEW, works=_PANEL not in st.query_params)
    photo, waiting = int(photos[place]), read_waiting(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_way(page, place, waiting, keys)
    picture, words = st.columns([6, 5], gap="medium")
    # Buttons first, so that none of the photo before is left below this one.
    with words:
        show_answer(page, photo, waiting.words.get(photo, ""))
        _show_actions(page, place, waiting, keys)
    keys.listen("G", "Left", "Right", "U", "X", *map(str, range(_DIGITS + 1)))
    with picture:
        show_photo(dataset, photo)
        show_done("mistakes")
    if show_evidence(page, photo, photos[place + 1 : place + 4]) and keys.works:
        redraw()  # the keys belong to the panel while it is open
    if not keys.works:
        st.query_params[_PANEL] = st.query_params[_PANEL]  # the browser missed it in the redraw
    show_photo_panel(dataset)


def _show_way(page: MistakesPage, place: int, waiting: Waiting, keys: KeyQueue) -> None:
    """Draw the way back, previous and next, the place in the list, and the tray."""
    dataset, photos = page.dataset, page.photos
    keys.button(
        "Gallery",
        "G",
        partial(keep_choice, REVIEW, None),
        icon=":material/grid_view:",
        key="mistakes.gallery",
    )
    keys.show_steps(place, len(photos), partial(go_to, photos))
    settled = sum(int(photo) in waiting.words for photo in photos.tolist())
    words = f"**{place + 1:,} of {len(photos):,}**, {len(waiting.words):,} in the tray"
    words += f", {settled:,} of this list" if settled != len(waiting.words) else ""
    st.markdown(words, width="content")
    cache.for_editors(keys.button)(
        "Undo",
        "U",
        partial(_undo, dataset, photos, waiting.last),
        icon=":material/undo:",
        key="mistakes.undo",
        type="tertiary",
        disabled=waiting.last is None,
        help="Removes the last edit from the tray and returns to its photo.",
    )
    if waiting.edits:
        st.page_link(
            page_file("dataset"),
            label="Tray",
            help=f"{count(waiting.edits, 'edit')} not applied yet.",
            icon=":material/checklist:",
            query_params={"dataset": dataset.id, "view": "edits"},
        )


@cache.for_editors
def _show_actions(page: MistakesPage, place: int, waiting: Waiting, keys: KeyQueue) -> None:
    """Draw keep, exclude, and the most likely classes with their digits."""
    photos, result = page.photos, page.result
    photo = int(photos[place])
    at = _Reviewed(page.dataset, photos, place, waiting.words.get(photo, ""))
    scores, label = result.scores[photo], int(result.labels[photo])
    best = np.argsort(-scores, kind="stable")[:_DIGITS]
    score = result.say_score(photo, int(best[0]))
    note = f"{title_run(page.run)} says {result.classes[int(best[0])]}{score and f', {score}'}"
    with st.container(horizontal=True, gap="small"):
        for word, icon, key, action in (
            ("Keep", "check", "0", _keep),
            ("Exclude", "block", "X", partial(_exclude, note=note)),
        ):
            keys.button(
                word,
                key,
                partial(action, at),
                icon=f":material/{icon}:",
                key=f"mistakes.{word}.{photo}",
            )
        with st.popover("Other", icon=":material/label:"):
            chosen = pick_or_type("New class", waiting.classes, f"mistakes.class.{photo}")
            st.button(
                "Relabel this photo",
                type="primary",
                disabled=not chosen,
                key=f"mistakes.relabel.{photo}",
                on_click=partial(_relabel, at, name=str(chosen), note=note),
            )
    st.caption("1–9 relabels the photo and moves on; the digit of its own class keeps the label.")
    with st.container(gap="xxsmall"):
        for digit, number in enumerate(best.tolist(), start=1):
            name, score = result.classes[number], format_share(float(scores[number]))
            own = number == label
            action = _keep if own else partial(_relabel, name=name, note=note)
            keys.button(
                f"{plain(name, 40)} · {score}",
                str(digit),
                partial(action, at),
                key=f"mistakes.digit.{digit}.{photo}",
                icon=":material/check:" if own else None,
                type="primary" if digit == 1 and not own else "secondary",
                width="stretch",
            )


def go_to(photos: np.ndarray, place: int) -> None:
    """Go to the photo at a place of the list."""
    keep_choice(REVIEW, str(photos[min(max(place, 0), len(photos) - 1)]))


def _relabel(at: _Reviewed, *, name: str, note: str) -> None:
    make = partial(add_edits, cache.workspace(), at.dataset, [at.photo], "relabel", name, note)
    _do(make, f"Relabelled to {plain(name, 30)}", at)


def _exclude(at: _Reviewed, *, note: str) -> None:
    make = partial(add_edits, cache.workspace(), at.dataset, [at.photo], "exclude", note=note)
    _do(make, "Excluded", at)


def _keep(at: _Reviewed) -> None:
    """Move on; edits of the photo in the tray are cancelled."""
    restore = partial(add_edits, cache.workspace(), at.dataset, [at.photo], "restore")
    _do(restore if at.waiting else None, "Kept as it is", at)


def _do(make: Callable[[], int] | None, done: str, at: _Reviewed) -> None:
    """Make an edit, confirm it and move on to the next photo.

    A double click counts once, because the second click was meant for the same photo. Nothing is
    done when another window has edited the photo since it was drawn.
    """
    if read_choice(REVIEW) != str(at.photo):
        return
    now = read_waiting(at.dataset).words.get(at.photo, "")
    if now != at.waiting:
        changed = f"Another window has changed this photo: {now or 'kept as it is'}."
        keep_done("mistakes", changed, "Look again, then decide.")
        return
    try:
        if make is not None:
            make()
    except PetalscopeError as error:  # no page catches errors of a callback
        keep_done("mistakes", error.problem, error.remedy)
        return
    keep_done("mistakes", f"{at.place + 1:,}: {done}")
    go_to(at.photos, at.place + 1)


def _undo(dataset: Dataset, photos: np.ndarray, last: Edit | None) -> None:
    """Remove the batch of the last edit from the tray and go to its photo.

    Nothing is undone when a newer edit has come from another window.
    """
    if last is None:
        return
    undone = undo_edits(cache.workspace(), dataset.id, last.batch)
    numbers = np.flatnonzero(dataset.manifest["path"].to_numpy() == last.path)
    places = np.flatnonzero(np.isin(photos, numbers))
    if len(places):
        go_to(photos, int(places[0]))
    said = (
        f"{count(undone, 'edit')} undone"
        if undone
        else "Nothing undone, because the tray has changed"
    )
    keep_done("mistakes", said)


def show_answer(page: MistakesPage, photo: int, waiting: str) -> None:
    """Draw the true class and the predicted class, each with its name and score."""
    result, said = page.result, page.answers
    label, predicted = int(result.labels[photo]), int(said.predictions[photo])
    verdict = ":red[wrong]" if said.wrong[photo] else ":green[correct]"
    for place, word, number in zip(
        st.columns(2), ("True class", f"Predicted, {verdict}"), (label, predicted), strict=True
    ):
        with place.container(gap="xxsmall"):
            st.caption(word)
            st.markdown(f"**{plain(result.classes[number])}**")
            if not result.has_score(photo, number):
                continue
            score = float(result.scores[photo, number])
            loss = f" · loss {-math.log(max(score, _TINY)):.2f}" if word == "True class" else ""
            st.markdown(f"Score {format_share(score)}{loss}")
    if waiting:
        st.markdown(f":green[:material/edit_note: In the tray: {plain(waiting)}]")


def show_evidence(page: MistakesPage, photo: int, coming: np.ndarray) -> bool:
    """Draw Grad-CAM, the training photos that decide, and the nearest ones of both classes.

    Args:
        coming: The next photos: their maps are computed ahead.

    Returns:
        Whether everything must be redrawn, because a photo was opened or the tray changed.
    """
    if not page.run.recipe.has_model:
        st.caption("This run has predictions, but no model that could be explained.")
        return False
    result, said = page.result, page.answers
    label, predicted = int(result.labels[photo]), int(said.predictions[photo])
    roles = {predicted: "predicted"} | {label: "true"}
    if label == predicted:
        roles = {label: "true and predicted"}
    words = {number: [role] for number, role in roles.items()}
    show_explanation(page.run, page.dataset, photo, words, key="mistakes")
    changed = show_why(page.run, page.dataset, photo, key="mistakes")
    for number, role in roles.items():
        key = "near_predicted" if role == "predicted" else "near_true"
        changed |= show_nearest_training(page, photo, number, key=key) is not None
    with suppress(PetalscopeError):  # a missing backbone was reported above
        prefetch(page.run, page.dataset, coming.tolist())
    return changed


def show_nearest_training(
    page: MistakesPage, photo: int, class_number: int, *, most: int = _NEAREST, key: str = "nearest"
) -> int | None:
    """Draw the training photos of a class nearest to a photo; return the one just opened."""
    name = page.result.classes[class_number]
    st.markdown(
        f"**Nearest training photos of {plain(name, 40)}**",
        help="The cosine similarity of the features; 1 is identical.",
    )
    try:
        found = page.find_nearest(photo, class_number, most)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return None
    if not len(found.photos):
        st.caption("This run had no other training photo of this class.")
        return None
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    digests = page.dataset.manifest["sha256"].to_numpy()
    opened = show_wall(
        page.dataset,
        found.photos,
        Wall(
            key,
            selectable=False,
            captions=lambda other: f"{cosines[other]:.2f}",
            badges=lambda other: ["identical file"] if digests[other] == digests[photo] else [],
        ),
    ).opened
    if len(found.photos) < most:
        st.caption(f"This run had {count(len(found.photos), 'training photo')} of this class.")
    return opened
