"""One answer under review, large: photo, what the model and the person say, the actions."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from core.charts.theme import format_share
from core.config import PHOTO_SIZE
from core.errors import PetalscopeError, PhotoRefused
from core.formats import moment, plain
from core.monitoring.feedback import Action, Feedback, list_feedback
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import read_scores
from core.ui.parts import cache
from core.ui.parts.components import queue_keys, show_steps
from core.ui.parts.messages import show_done
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.reading import is_kept, read_kept_thumbnail
from core.ui.review.actions import (
    ITEM,
    can_undo,
    find_following,
    list_model_classes,
    name_model,
    review_shown,
    show_actions,
    undo,
)
from data.images import decode_photo, encode_jpeg
from data.sources.names import find_meant_class, match_class

_DIGITS = 5
_HIGHEST = 430
"""Pixels on screen: photo, words and buttons are in sight together."""


def show_card(found: Sequence[Feedback]) -> None:
    """Draw the answer whose turn it is, large, with the actions and their keys."""
    place = _find_place(found)
    one = found[place]
    keep_choice(ITEM, str(one.number))
    _show_way(found, place)
    picture, words = st.columns([6, 5], gap="large")
    with words:
        _show_words(one)
        if one.is_open:
            classes, best = _rank_classes(one)
            show_actions([one], classes, find_following(found, [one]), keys=True)
            _show_meant(found, one, classes)
            _show_digits(found, one, best)
    queue_keys("review", "Left", "Right", "U", "A", "D", "B", *map(str, range(1, _DIGITS + 1)))
    with picture:
        _show_photo(one)


def _find_place(found: Sequence[Feedback]) -> int:
    numbers = [str(one.number) for one in found]
    stated = read_choice(ITEM)
    return numbers.index(stated) if stated in numbers else 0


def _show_photo(one: Feedback) -> None:
    large = _read_large(one.photo) if is_kept(one.photo) else None
    if large is None:
        st.info(
            "The photo is not kept: it was not sent with what they said, or was deleted. The "
            "review counts for the figures, but nothing can be learnt from it.",
            icon=":material/hide_image:",
        )
    else:
        content, width = large
        st.image(content, width=width)


def _show_way(found: Sequence[Feedback], place: int) -> None:
    """Draw previous, next and undo, and what was done last."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        show_steps(
            "review", place, len(found), lambda number: keep_choice(ITEM, str(found[number].number))
        )
        st.markdown(f"**{place + 1:,} of {len(found):,}**", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="review.undo",
            type="tertiary",
            shortcut="U",
            disabled=not can_undo(),
            on_click=undo,
            help="Takes your last decision back and goes to its photo.",
        )
    show_done("review")


def _show_words(one: Feedback) -> None:
    score = format_share(one.top_score)
    if one.kind == "answer":
        st.markdown(f"The model said **{plain(one.top, 60)}** ({score}).")
    else:
        st.markdown(f"The model did not know it; nearest **{plain(one.top, 60)}** ({score}).")
    judged = (
        ":green[:material/check: the answer was right]"
        if one.was_right
        else ":orange[:material/close: the answer was wrong]"
    )
    st.markdown(f"They say it is **{plain(one.class_name, 60)}**: {judged}.")
    if one.note:
        st.markdown(f"> {plain(one.note)}")
    facts = [moment(one.time), f"{name_model(one)}, {one.source}", one.who]
    st.caption(" · ".join(plain(fact, 60) for fact in facts if fact))
    _show_others(one)
    if one.reviewed is not None:
        outcome = f"as {one.final_class}" if one.final_class else "discarded"
        by = f" by {one.reviewer}" if one.reviewer else ""
        st.caption(plain(f"Reviewed {outcome}{by}, {moment(one.reviewed)}"))
    if one.left_out:
        st.warning(plain(f"Left out of the dataset: {one.left_out}"), icon=":material/block:")


def _show_others(one: Feedback) -> None:
    """Draw what else was said of the photo: of another model's answer, or by another person."""
    said = list_feedback(cache.workspace(), state=one.state, photos=[one.photo])
    lines = [
        f"{name_model(other)} said {other.top}, they say it is {other.class_name}. {other.note}"
        for other in said
        if other.number != one.number
    ]
    if lines:
        together = ["Of the same photo, decided on with it:"] if one.is_open else []
        st.caption("  \n".join(plain(line.strip(), 200) for line in (*together, *lines)))


def _show_meant(found: Sequence[Feedback], one: Feedback, classes: Sequence[str]) -> None:
    """Draw the known class that a new one is nearly called, and the way to it."""
    meant = find_meant_class(one.class_name, classes)
    if match_class(one.class_name, classes) in classes or meant is None:
        return
    st.caption(f":orange[The model does not know “{plain(one.class_name, 60)}”.]")
    st.button(
        f"They mean {plain(meant, 40)}",
        key=f"review.meant.{one.number}",
        icon=":material/label:",
        on_click=partial(review_shown, one, "relabel", meant, find_following(found, [one])),
    )


def _show_digits(
    found: Sequence[Feedback], one: Feedback, best: Sequence[tuple[str, float]]
) -> None:
    if not best:
        return
    st.caption("Or what the model thought of: a digit relabels and goes on.")
    following = find_following(found, [one])
    with st.container(gap="xxsmall"):
        for digit, (name, score) in enumerate(best, start=1):
            own = name == one.class_name
            action: Action = "accept" if own else "relabel"
            st.button(
                f"{plain(name, 40)} · {format_share(score)}",
                key=f"review.digit.{digit}.{one.number}",
                icon=":material/check:" if own else None,
                shortcut=str(digit),
                width="stretch",
                on_click=partial(review_shown, one, action, None if own else name, following),
            )


def _rank_classes(one: Feedback) -> tuple[list[str], list[tuple[str, float]]]:
    """Return all classes of the model that answered, and its best with their scores."""
    classes = list_model_classes(one)
    try:
        scores = read_scores(cache.workspace(), [one.prediction])[0]
    except PetalscopeError:
        return classes, []
    if len(scores) != len(classes):
        return classes, []
    best = np.argsort(-scores, kind="stable")[:_DIGITS].tolist()
    return classes, [(classes[number], float(scores[number])) for number in best]


_LONGEST_SIDE = 720
_SECONDS = 600
_SHOWN = 24


def show_thumbnails(digests: Sequence[str]) -> None:
    """Draw the first of these photos, as far as they are kept, and how many more there are."""
    kept = [read_kept_thumbnail(one) for one in digests[:_SHOWN]]
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        for thumbnail in filter(None, kept):
            st.image(thumbnail, width=72)
        if len(digests) > _SHOWN:
            st.caption(f"and {len(digests) - _SHOWN:,} more", width="content")


@st.cache_data(max_entries=64, ttl=_SECONDS, show_spinner=False)
def _read_large(digest: str) -> tuple[bytes, int] | None:
    """Return a JPEG of at most 720 px, upright, and how wide it is drawn."""
    content = read_kept_photo(cache.workspace(), digest)
    try:
        image = None if content is None else decode_photo(content, 2 * PHOTO_SIZE)[0]
    except PhotoRefused:
        image = None
    if image is None:
        return None
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    width = round(image.width * min(1.0, _HIGHEST / max(image.width, image.height)))
    return encode_jpeg(image, 90), width
