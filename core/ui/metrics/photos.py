"""The metrics page, photos of the chosen class: missed, taken for it, and found."""

import numpy as np
import streamlit as st

from core.formats import count, percent, plain
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.gallery import show_gallery
from core.ui.photos.panel import show_photo_panel

_KINDS = {"missed": "Missed", "taken": "Taken for it", "found": "Found"}
_WORDS = {
    "missed": "taken for another class, the surest mistake first; named is the answer",
    "taken": "taken for it, the surest mistake first; named is the true class",
    "found": "found, the least sure first",
}
_KEY = "metrics.photos"


def show_class_photos(run: RunRecord, split: str, class_name: str | None) -> None:
    """Draws the photos behind the numbers of a class, in three heaps; the heap is in the URL."""
    dataset = cache.dataset(run.recipe.dataset)
    if class_name is None:
        st.info(
            "Choose a class in the table or a bar: its photos appear here.",
            icon=":material/ads_click:",
        )
        show_photo_panel(dataset)
        return
    result = cache.result(run.id)
    heaps = find_heaps(result, split, result.classes.index(class_name))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(class_name), anchor=False, width="content")
        _show_links(run, split, class_name)
    kind = _pick_heap(heaps)
    photos = heaps[kind]
    of = "other classes" if kind == "taken" else plain(class_name)
    st.caption(f"{count(len(photos), 'photo')} of {of} in {split}, {_WORDS[kind]}.")
    if len(photos):
        answers = result.scores[photos].argmax(axis=1)
        said = dict(zip(photos.tolist(), answers.tolist(), strict=True))
        show_gallery(
            dataset,
            photos,
            key=f"class.{kind}",
            captions=lambda photo: _caption(result, photo, said[photo], kind),
        )
    show_photo_panel(dataset)


def _pick_heap(heaps: dict[str, np.ndarray]) -> str:
    """Returns the heap that the URL names, or that is chosen; the first that holds photos."""
    stated = read_choice("heap")
    fallback = next((kind for kind in _KINDS if len(heaps[kind])), "missed")
    st.session_state[_KEY] = stated if stated in _KINDS else fallback
    st.segmented_control(
        "Photos",
        list(_KINDS),
        format_func=lambda name: f"{_KINDS[name]} ({len(heaps[name]):,})",
        key=_KEY,
        on_change=lambda: keep_choice("heap", st.session_state[_KEY]),
        label_visibility="collapsed",
        required=True,
    )
    return str(st.session_state[_KEY])


def find_heaps(result: RunResult, split: str, class_number: int) -> dict[str, np.ndarray]:
    """Returns the photo numbers of a class in a split: missed, taken (for it) and found."""
    photos = result.photo_numbers(split)
    answers, labels = result.scores[photos].argmax(axis=1), result.labels[photos]
    sure = result.scores[photos].max(axis=1)
    of_class, taken = labels == class_number, answers == class_number

    def order(chosen: np.ndarray, sign: int) -> np.ndarray:
        found = np.flatnonzero(chosen)
        ordered: np.ndarray = photos[found[np.argsort(sign * sure[found], kind="stable")]]
        return ordered

    return {
        "missed": order(of_class & ~taken, -1),
        "taken": order(taken & ~of_class, -1),
        "found": order(of_class & taken, 1),
    }


def _caption(result: RunResult, photo: int, answer: int, kind: str) -> str:
    score = percent(float(result.scores[photo, answer]), 100).replace(" ", "\u00a0")
    named = int(result.labels[photo]) if kind == "taken" else answer
    return f"{score} {result.classes[named]}"


def _show_links(run: RunRecord, split: str, class_name: str) -> None:
    st.page_link(
        page_file("confusion"),
        label="Taken for which classes",
        icon=":material/grid_on:",
        query_params={"run": run.id, "split": split, "true": class_name},
    )
