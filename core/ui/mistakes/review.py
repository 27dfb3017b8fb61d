"""The photos of a list as a gallery, or one by one: arrows move, digits relabel, x excludes.

Nothing here changes the dataset: each action is an edit in the tray, says what was done, and the
next photo comes; an error keeps one where one is. The photo's number is in the URL (`review`), so a
reload is where one was. Buttons are named after their photo, so that what is pressed is never done
to the one that comes next.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.charts.theme import format_share
from core.datasets.edits.tray import Edit, add_edits, undo_edits
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.mistakes.evidence import show_answer, show_evidence
from core.ui.mistakes.reading import REVIEW, Listed, Waiting, is_reviewing, read_waiting
from core.ui.parts import cache
from core.ui.parts.components import queue_keys, show_steps
from core.ui.parts.frame import page_file
from core.ui.parts.messages import keep_done, report_errors, show_done
from core.ui.parts.pickers import pick_or_type, title_run
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import redraw_after_panel, show_photo, show_photo_panel
from core.ui.photos.tray import mark_tray, show_tray
from data.dataset import Dataset

_DIGITS = 9
_PANEL = "photo"
"""Name in the URL of the photo whose panel is open."""
_LINE = 19
"""Letters that fit on a line under a photo."""
_HARD_SPACE = "\u00a0"


@st.fragment
def show_review(listed: Listed) -> None:
    """Draw the photo under review, all that helps to decide, and the actions; m > 0 photos."""
    if not is_reviewing():  # back to the gallery, which is outside of this fragment
        st.rerun()
    redraw_after_panel()
    with report_errors():
        _draw_step(listed)


def _draw_step(listed: Listed) -> None:
    dataset, photos = listed.dataset, listed.photos
    place, keys = listed.find_place(), _PANEL not in st.query_params
    photo, waiting = int(photos[place]), read_waiting(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _show_way(listed, place, waiting, keys)
    picture, words = st.columns([6, 5], gap="medium")
    # The buttons first: none of those that a person sees below a photo belongs to the one before.
    with words:
        show_answer(listed, photo, waiting.words.get(photo, ""))
        _show_actions(listed, place, waiting, keys)
    if keys:
        queue_keys("mistakes", "G", "Left", "Right", "U", "X", *map(str, range(_DIGITS + 1)))
    with picture:
        show_photo(dataset, photo)
        show_done("mistakes")
    if show_evidence(listed, photo, photos[place + 1 : place + 4]) and keys:
        _redraw()  # the keys belong to the panel while it is open
    if not keys:
        st.query_params[_PANEL] = st.query_params[_PANEL]  # the redraw kept it from the browser
    show_photo_panel(dataset)


def _redraw() -> None:
    context = get_script_run_ctx()
    st.rerun(scope="fragment" if context and context.fragment_ids_this_run else "app")


def _show_way(listed: Listed, place: int, waiting: Waiting, keys: bool) -> None:
    """Draw the way back, previous and next, where one is, and what waits in the tray."""
    dataset, photos = listed.dataset, listed.photos
    st.button(
        "Gallery",
        icon=":material/grid_view:",
        key="mistakes.gallery",
        shortcut="G" if keys else None,
        on_click=partial(keep_choice, REVIEW, None),
    )
    show_steps("mistakes", place, len(photos), partial(go_to, photos), keys=keys)
    settled = sum(int(photo) in waiting.words for photo in photos.tolist())
    words = f"**{place + 1:,} of {len(photos):,}**, {len(waiting.words):,} in the tray"
    words += f", {settled:,} of this list" if settled != len(waiting.words) else ""
    st.markdown(words, width="content")
    cache.edit_button(
        "Undo",
        icon=":material/undo:",
        key="mistakes.undo",
        type="tertiary",
        shortcut="U" if keys else None,
        disabled=waiting.last is None,
        on_click=partial(_undo, dataset, photos, waiting.last),
        help="Takes the last step out of the tray and goes to its photo.",
    )
    if waiting.edits:
        st.page_link(
            page_file("dataset"),
            label="Tray",
            help=f"{count(waiting.edits, 'edit')} not applied yet: review and apply them.",
            icon=":material/checklist:",
            query_params={"dataset": dataset.id, "view": "edits"},
        )


@cache.for_editors
def _show_actions(listed: Listed, place: int, waiting: Waiting, keys: bool) -> None:
    """Draw the best classes with their digits, other classes, keep and exclude.

    Args:
        keys: Whether the keys of the buttons are heard.
    """
    dataset, photos, result = listed.dataset, listed.photos, listed.result
    photo = int(photos[place])
    scores, label = result.scores[photo], int(result.labels[photo])
    best = np.argsort(-scores, kind="stable")[:_DIGITS]
    note = (
        f"{title_run(listed.run)} says {result.classes[int(best[0])]}, "
        f"{format_share(float(scores[best[0]]))}"
    )
    with st.container(horizontal=True, gap="small"):
        for word, icon, key, action in (
            ("Keep", "check", "0", _keep),
            ("Exclude", "block", "X", partial(_exclude, note=note)),
        ):
            st.button(
                word,
                icon=f":material/{icon}:",
                key=f"mistakes.{word}.{photo}",
                shortcut=key if keys else None,
                on_click=partial(action, dataset, photos, place),
            )
        _show_other(listed, place, waiting.classes, note)
    st.caption("A digit relabels and goes on; that of its own class keeps it.")
    with st.container(gap="xxsmall"):
        for digit, number in enumerate(best.tolist(), start=1):
            name, score = result.classes[number], format_share(float(scores[number]))
            own = number == label
            action = _keep if own else partial(_relabel, name=name, note=note)
            st.button(
                f"{plain(name, 40)} · {score}",
                key=f"mistakes.digit.{digit}.{photo}",
                icon=":material/check:" if own else None,
                type="primary" if digit == 1 and not own else "secondary",
                shortcut=str(digit) if keys else None,
                width="stretch",
                on_click=partial(action, dataset, photos, place),
            )


def _show_other(listed: Listed, place: int, classes: list[str], note: str) -> None:
    dataset, photos = listed.dataset, listed.photos
    with st.popover("Other", icon=":material/label:"):
        chosen = pick_or_type("New class", classes, f"mistakes.class.{int(photos[place])}")
        st.button(
            "Relabel this photo",
            type="primary",
            disabled=not chosen,
            key=f"mistakes.relabel.{int(photos[place])}",
            on_click=partial(_relabel, dataset, photos, place, name=str(chosen), note=note),
        )


def go_to(photos: np.ndarray, place: int) -> None:
    """Make the photo at a place of the list the one under review."""
    keep_choice(REVIEW, str(photos[min(max(place, 0), len(photos) - 1)]))


def _relabel(dataset: Dataset, photos: np.ndarray, place: int, *, name: str, note: str) -> None:
    make = partial(add_edits, cache.workspace(), dataset, [photos[place]], "relabel", name, note)
    _do(make, f"Relabelled to {plain(name, 30)}", photos, place)


def _exclude(dataset: Dataset, photos: np.ndarray, place: int, *, note: str) -> None:
    make = partial(add_edits, cache.workspace(), dataset, [photos[place]], "exclude", note=note)
    _do(make, "Excluded", photos, place)


def _keep(dataset: Dataset, photos: np.ndarray, place: int) -> None:
    """Go on; what the tray holds for the photo is cancelled."""
    photo = int(photos[place])
    restore = partial(add_edits, cache.workspace(), dataset, [photo], "restore")
    settled = photo in read_waiting(dataset).words
    _do(restore if settled else None, "Kept as it is", photos, place)


def _do(make: Callable[[], int] | None, done: str, photos: np.ndarray, place: int) -> None:
    """Make an edit, say what was done with which photo, and go on to the next one.

    A double click counts once: the second was meant for the same photo.
    """
    if read_choice(REVIEW) != str(photos[place]):
        return
    try:
        if make is not None:
            make()
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        keep_done("mistakes", error.problem, error.remedy)
        return
    keep_done("mistakes", f"{place + 1:,}: {done}")
    go_to(photos, place + 1)


def _undo(dataset: Dataset, photos: np.ndarray, last: Edit | None) -> None:
    """Take the batch of the last edit out of the tray and go to its photo.

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
    keep_done("mistakes", said)


def show_review_button(photos: np.ndarray) -> None:
    """Draw the button that begins the review of the photos with the first."""
    st.button(
        "One by one",
        icon=":material/crop_portrait:",
        key="mistakes.begin",
        type="primary",
        disabled=len(photos) == 0,
        on_click=partial(go_to, photos, 0),
        help="Review by keyboard: arrows move, digits relabel, x excludes, u takes back.",
    )


def show_photos(listed: Listed) -> None:
    """Draw the photos of a list as a gallery, or the one under review."""
    photos, dataset = listed.photos, listed.dataset
    if len(photos) == 0:
        keep_choice(REVIEW, None)
        st.info("No photo is listed here.", icon=":material/filter_alt_off:")
    elif is_reviewing():
        keep_choice(REVIEW, str(photos[listed.find_place()]))
        show_review(listed)
    else:
        show_tray(dataset)
        st.caption(
            "Under each photo: the score of its true class, then that of the class it was taken "
            "for (→), or of the second best where it is right (2nd)."
        )
        captions = _caption_photos(listed)
        show_gallery(dataset, photos, key="mistakes", captions=captions, badges=mark_tray(dataset))


def _caption_photos(listed: Listed) -> Callable[[int], str]:
    result, said = listed.result, listed.answers

    def caption(photo: int) -> str:
        scores, label = result.scores[photo], int(result.labels[photo])
        other, mark = int(said.predictions[photo]), "→"
        if not said.wrong[photo]:
            other, mark = int(np.argsort(-scores, kind="stable")[1]), "2nd"
        lines = ((label, ""), (other, f"{mark} "))
        return "\n".join(
            _fit(f"{before}{format_share(float(scores[number]))} {result.classes[number]}")
            for number, before in lines
        )

    return caption


def _fit(line: str) -> str:
    """Cut a line so that it stays one line under a photo."""
    cut = line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
    return cut.replace(" ", _HARD_SPACE)
