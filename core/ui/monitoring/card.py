"""The tab Review: one answer with its photo, and the actions on one answer or several.

A review is of a photo: other feedback on the same photo is reviewed with it.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import streamlit as st
from PIL import Image

from core.charts.theme import format_share
from core.config import PHOTO_SIZE
from core.errors import PetalscopeError, PhotoRefused
from core.formats import count, moment, plain
from core.monitoring.feedback import (
    Action,
    Feedback,
    State,
    list_feedback,
    restore_reviews,
    review_feedback,
)
from core.monitoring.kept_photos import read_kept_photo
from core.monitoring.log import read_scores
from core.prediction.deciding import rank_classes
from core.registry.store import read_version
from core.ui.parts import cache
from core.ui.parts.components import KeyQueue
from core.ui.parts.messages import keep_done, show_done
from core.ui.parts.pickers import pick_or_type
from core.ui.parts.state import is_linked, keep_choice, read_choice, refuse_link
from core.ui.photos.reading import is_kept
from core.ui.visitor import name_visitor
from data.images import decode_photo, encode_jpeg
from data.sources.names import find_meant_class, match_class

ITEM = "item"
ROUND = "review.round"
"""Number of actions so far: after each one the list is drawn again, with nothing selected."""
LAST = "review.last"
"""The last action of the session, for undo."""
_DIGITS = 5
_HIGHEST_PX = 430
"""Height on screen at which photo, words and buttons are visible together."""
_LONGEST_SIDE = 720
_WORDS = {"accept": "accepted", "discard": "discarded", "reopen": "waiting again"}
_ACTIONS: tuple[tuple[str, str, str, Action, State], ...] = (
    ("Accept", "check", "A", "accept", "accepted"),
    ("Discard", "delete", "D", "discard", "discarded"),
    ("Put back", "inbox", "B", "reopen", "waiting"),
)
"""Label, icon, key, action, and the state in which it does nothing."""


def show_card(found: Sequence[Feedback]) -> None:
    """Draw one answer with its photo, the actions and their keys."""
    numbers, stated = [str(one.number) for one in found], read_choice(ITEM)
    if stated not in numbers and is_linked(ITEM):
        refuse_link("Its feedback is not in this list.", ITEM)
    place = numbers.index(stated) if stated in numbers else 0
    one, following = found[place], find_following(found, [found[place]])
    keep_choice(ITEM, str(one.number))
    keys = KeyQueue("review", ITEM)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        keys.show_steps(place, len(found), lambda at: keep_choice(ITEM, numbers[at]))
        st.markdown(f"**{place + 1:,} of {len(found):,}**", width="content")
        show_undo(keys)
    show_done("review")
    picture, words = st.columns([6, 5], gap="large")
    with words:
        _show_words(one)
        if one.is_open:
            classes, best = _rank_classes(one)
            show_actions([one], classes, following, keys)
            _show_meant(one, classes, following)
            _show_digits(one, best, following, keys)
    keys.listen("Left", "Right", "U", "A", "D", "B", *map(str, range(1, _DIGITS + 1)))
    large = _read_large(one.photo) if is_kept(one.photo) else None
    with picture:
        if large is None:
            st.info(
                "The photo is not stored. The review counts for the accuracy, but the photo cannot "
                "be used for training.",
                icon=":material/hide_image:",
            )
        else:
            st.image(large[0], width=large[1])


def show_undo(keys: KeyQueue) -> None:
    """Draw the button that undoes the last action of the session."""
    keys.button(
        "Undo",
        "U",
        _undo,
        icon=":material/undo:",
        key="review.undo",
        type="tertiary",
        disabled=not st.session_state.get(LAST),
    )


def _show_words(one: Feedback) -> None:
    score, top = format_share(one.top_score), plain(one.top, 60)
    if one.kind == "answer":
        st.markdown(f"The model predicted **{top}** ({score}).")
    else:
        st.markdown(f"The model said “I don't know”; closest class **{top}** ({score}).")
    verdict = (
        ":green[:material/check: correct]" if one.was_right else ":orange[:material/close: wrong]"
    )
    st.markdown(f"The feedback says **{plain(one.class_name, 60)}**: {verdict}.")
    if one.note:
        st.markdown(f"> {plain(one.note)}")
    facts = [moment(one.time), f"{name_model(one)}, {one.source}", one.who]
    st.caption(" · ".join(plain(fact, 60) for fact in facts if fact))
    others = list_feedback(cache.workspace(), state=one.state, photos=[one.photo])
    lines = [
        f"Same photo: {name_model(other)} predicted {other.top}, the feedback says "
        f"{other.class_name}. {other.note}".strip()
        for other in others
        if other.number != one.number
    ]
    if lines:
        st.caption("  \n".join(plain(line, 200) for line in lines))
    if one.reviewed is not None:
        outcome = f"as {one.final_class}" if one.final_class else "and discarded"
        by = f" by {one.reviewer}" if one.reviewer else ""
        st.caption(plain(f"Reviewed {outcome}{by}, {moment(one.reviewed)}"))
    if one.left_out:
        st.warning(plain(f"Left out of the dataset: {one.left_out}"), icon=":material/block:")


def show_actions(
    chosen: Sequence[Feedback], classes: Sequence[str], following: int | None, keys: KeyQueue
) -> None:
    """Draw accept, discard, put back and relabel; keys that work mean the one on the card.

    Args:
        following: Number of the next feedback.
    """
    first, card = chosen[0], keys.works
    place, n = ("card", "") if card else (f"many.{len(chosen)}", f" {len(chosen):,}")
    decide = partial(_review_shown if card else _review, chosen)
    with st.container(horizontal=True, gap="small"):
        for label, icon, key, action, outcome in _ACTIONS:
            if first.state == outcome:
                continue
            keys.button(
                f"{label}{n}",
                key,
                partial(decide, action, None, following),
                icon=f":material/{icon}:",
                key=f"review.{action}.{place}.{first.number}",
                type="primary" if card and action == "accept" else "secondary",
            )
        with st.popover(f"Relabel{n} …" if n else "Other class", icon=":material/label:"):
            name = pick_or_type("It is", classes, f"review.class.{place}.{first.number}")
            name = match_class(name, classes) if name else None
            if name and name not in classes:
                st.caption(":material/new_label: The model does not know this class.")
            st.button(
                "Relabel",
                type="primary",
                disabled=not name,
                key=f"review.relabel.{place}.{first.number}",
                on_click=partial(decide, "relabel", name, following),
            )


def _show_meant(one: Feedback, classes: Sequence[str], following: int | None) -> None:
    """Draw the known class with a similar name, as a button."""
    meant = find_meant_class(one.class_name, classes)
    if match_class(one.class_name, classes) in classes or meant is None:
        return
    st.caption(f":orange[The model does not know “{plain(one.class_name, 60)}”.]")
    st.button(
        f"Did they mean {plain(meant, 40)}?",
        key=f"review.meant.{one.number}",
        icon=":material/label:",
        on_click=partial(_review_shown, [one], "relabel", meant, following),
    )


def _show_digits(
    one: Feedback, best: Sequence[tuple[str, float]], following: int | None, keys: KeyQueue
) -> None:
    """Draw the best classes of the model as buttons with digits."""
    if best:
        st.caption("Press a digit to choose a prediction of the model.")
    with st.container(gap="xxsmall"):
        for digit, (name, score) in enumerate(best, start=1):
            own = name == one.class_name
            action: Action = "accept" if own else "relabel"
            keys.button(
                f"{plain(name, 40)} · {format_share(score)}",
                str(digit),
                partial(_review_shown, [one], action, None if own else name, following),
                key=f"review.digit.{digit}.{one.number}",
                icon=":material/check:" if own else None,
                width="stretch",
            )


def _rank_classes(one: Feedback) -> tuple[list[str], list[tuple[str, float]]]:
    """Return the classes of the model, and the best with their scores."""
    classes = list_model_classes(one)
    with suppress(PetalscopeError):
        scores = read_scores(cache.workspace(), [one.prediction])[0]
        if len(scores) == len(classes):
            return classes, rank_classes(scores, classes, _DIGITS)
    return classes, []


def list_model_classes(one: Feedback) -> list[str]:
    """Return the classes of the model; an empty list where it is gone."""
    try:
        if one.version is not None:
            return list(read_version(cache.workspace(), one.version).classes)
        return list(cache.result(one.run_id).classes)
    except PetalscopeError:
        return []


def name_model(one: Feedback) -> str:
    """Return the version, or the run."""
    return f"v{one.version}" if one.version is not None else f"run {one.run_id[:6]}"


@st.cache_data(max_entries=64, ttl=600, show_spinner=False)
def _read_large(digest: str) -> tuple[bytes, int] | None:
    """Return a JPEG of at most 720 px, upright, and its width on screen."""
    content = read_kept_photo(cache.workspace(), digest)
    try:
        image = None if content is None else decode_photo(content, 2 * PHOTO_SIZE)[0]
    except PhotoRefused:
        image = None
    if image is None:
        return None
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    width = round(image.width * min(1.0, _HIGHEST_PX / max(image.width, image.height)))
    return encode_jpeg(image, 90), width


def find_following(found: Sequence[Feedback], chosen: Sequence[Feedback]) -> int | None:
    """Return the number of the next feedback in the list that is not chosen."""
    numbers = {one.number for one in chosen}
    place = max(found.index(one) for one in chosen)
    rest = [one for one in (*found[place:], *found[:place][::-1]) if one.number not in numbers]
    return rest[0].number if rest else None


def _review_shown(
    chosen: Sequence[Feedback], action: Action, class_name: str | None, following: int | None
) -> None:
    """Review the feedback on the card if it is still shown, so that a double click counts once."""
    if read_choice(ITEM) == str(chosen[0].number):
        _review(chosen, action, class_name, following)


def _review(
    chosen: Sequence[Feedback], action: Action, class_name: str | None, following: int | None
) -> None:
    """Review feedback in one state, each on another photo, and remember it for undo."""
    reviewer, state, numbers = name_visitor(), chosen[0].state, [one.number for one in chosen]
    together = list_feedback(cache.workspace(), state=state, photos={one.photo for one in chosen})
    try:
        done = review_feedback(
            cache.workspace(),
            numbers,
            action,
            class_name=class_name,
            reviewer=reviewer,
            expected=state,
        )
    except PetalscopeError as error:  # a callback: no page would catch it
        keep_done("review", error.problem, error.remedy)
        return
    others = [one for one in together if one.number not in numbers]
    former = [(one.number, one.state, one.final_class) for one in (*chosen, *others)]
    st.session_state[LAST] = (action, reviewer, former, len(chosen)) if done else None
    words = _WORDS.get(action) or f"relabelled to {plain(class_name or '', 40)}"
    _finish(f"{count(done, 'photo')} {words}", len(chosen) - done)
    keep_choice(ITEM, None if following is None else str(following))


def _undo() -> None:
    """Undo the last action of this session and show its first photo."""
    done: tuple[Action, str, list[tuple[int, State, str | None]], int] | None
    done = st.session_state.pop(LAST, None)
    if done is None:
        return
    action, reviewer, former, photos = done
    restored = restore_reviews(cache.workspace(), former[:photos], reviewer, action)
    restore_reviews(cache.workspace(), former[photos:], reviewer, action)
    _finish(f"{count(restored, 'review')} undone", photos - restored)
    keep_choice("state", former[0][1])
    keep_choice(ITEM, str(former[0][0]))


def _finish(sentence: str, missed: int) -> None:
    others = f"; {missed:,} already reviewed by another person" if missed else ""
    keep_done("review", f"{sentence}{others}")
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
