"""The deeds of the review: accept, relabel, discard, put back, undo; each says what it did.

Buttons are named after what they decide on, and decide only while it is still as it was seen: what
another reviewer has decided meanwhile is never decided again unseen.
"""

from collections.abc import Sequence

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain
from core.monitoring.feedback import (
    Action,
    Feedback,
    State,
    list_feedback,
    restore_reviews,
    review_feedback,
)
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice, name_visitor, read_choice

ITEM = "item"
"""Name in the URL of the feedback under review."""
TURN = "review.turn"
"""Counts the deeds: lists are drawn anew, with nothing chosen."""
_DONE = "review.done"
_FORMER = "review.former"
_WORDS = {"accept": "accepted", "discard": "discarded", "reopen": "waits again"}


def review_shown(
    one: Feedback, action: Action, class_name: str | None, next_item: int | None
) -> None:
    """Reviews the feedback at the card, if it still stands there.

    A key is also heard by the buttons of the card before, for the moment until they are gone.
    """
    if read_choice(ITEM) == str(one.number):
        review([one], action, class_name, next_item)


def review(
    chosen: Sequence[Feedback],
    action: Action,
    class_name: str | None = None,
    next_item: int | None = None,
) -> None:
    """Returns nothing; the feedback is reviewed, as far as it is still as it was seen.

    What else was said of the same photos is decided on, and can be taken back, with it.

    Args:
        chosen: Feedback in one state, each of another photo.
        action: What to do.
        class_name: With “relabel”: what it is.
        next_item: Number of the feedback to come to afterwards.
    """
    reviewer, state = name_visitor(), chosen[0].state
    photos = {one.photo for one in chosen}
    together = list_feedback(cache.workspace(), state=state, photos=photos)
    try:
        done = review_feedback(
            cache.workspace(),
            [one.number for one in chosen],
            action,
            class_name=class_name,
            reviewer=reviewer,
            expected=state,
        )
    except PetalscopeError as error:  # raised in a callback, where no page catches it
        st.session_state[_DONE] = (False, error.problem, error.remedy)
        return
    numbers = [one.number for one in chosen]
    others = [one for one in together if one.number not in numbers]
    former = [(one.number, str(one.state), one.final_class) for one in (*chosen, *others)]
    st.session_state[_FORMER] = (action, reviewer, former, len(chosen)) if done else None
    words = _WORDS.get(action) or f"relabelled to {plain(class_name or '', 40)}"
    told = f"{count(done, 'photo')} {words}"
    if done < len(chosen):
        told += f"; {len(chosen) - done:,} had been decided on by somebody else"
    _say(told)
    keep_choice(ITEM, None if next_item is None else str(next_item))


def undo() -> None:
    """Takes the last deed of this session back and comes to its first photo."""
    done: tuple[Action, str, list[tuple[int, State, str | None]], int] | None
    done = st.session_state.pop(_FORMER, None)
    if done is None:
        return
    action, reviewer, former, photos = done
    restored = restore_reviews(cache.workspace(), former[:photos], reviewer, action=action)
    restore_reviews(cache.workspace(), former[photos:], reviewer, action=action)
    told = f"{count(restored, 'review')} undone"
    if restored < photos:
        told += f"; {photos - restored:,} had been decided on by somebody else"
    _say(told)
    st.session_state.pop("review.state", None)
    keep_choice("state", former[0][1])
    keep_choice(ITEM, str(former[0][0]))


def can_undo() -> bool:
    """Returns whether something was done in this session that can be taken back."""
    return bool(st.session_state.get(_FORMER))


def forget_deeds() -> None:
    """Returns nothing; what was done cannot be taken back any more: it became a dataset."""
    st.session_state.pop(_FORMER, None)


def show_done() -> None:
    """Says what was done last, once; draws why it could not be done."""
    well, sentence, remedy = st.session_state.pop(_DONE, (True, "", ""))
    if not well:
        show_problem(sentence, remedy)
    elif sentence:
        st.markdown(f":green[:material/check: {sentence}]", width="content")


def name_model(one: Feedback) -> str:
    """Returns the version that answered, or the run."""
    return f"v{one.version}" if one.version is not None else f"run {one.run_id[:6]}"


def _say(sentence: str) -> None:
    st.session_state[_DONE] = (True, sentence, "")
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
