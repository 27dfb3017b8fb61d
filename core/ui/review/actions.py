"""Review actions, on one answer or on several: a review is of a photo, all that was said of it."""

from collections.abc import Callable, Sequence
from functools import partial

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
from core.registry.store import read_version
from core.ui.parts import cache
from core.ui.parts.messages import keep_done
from core.ui.parts.pickers import pick_or_type
from core.ui.parts.state import keep_choice, read_choice
from core.ui.visitor import name_visitor
from data.sources.names import find_meant_class, match_class

ITEM = "item"
TURN = "review.turn"
"""Counts the actions: lists are drawn anew, with nothing chosen."""
_FORMER = "review.former"
_WORDS = {"accept": "accepted", "discard": "discarded", "reopen": "waits again"}


def review_shown(
    one: Feedback, action: Action, class_name: str | None, next_item: int | None
) -> None:
    """Review the feedback at the card if it is still shown: a double click counts once."""
    if read_choice(ITEM) == str(one.number):
        review([one], action, class_name, next_item)


def review(
    chosen: Sequence[Feedback],
    action: Action,
    class_name: str | None = None,
    next_item: int | None = None,
) -> None:
    """Review feedback in one state, each of another photo, as far as it is still as it was seen.

    What else was said of the same photos is decided on, and can be taken back, with it.
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
        keep_done("review", error.problem, error.remedy)
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
    """Take the last decision of this session back and comes to its first photo."""
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
    """Return whether something was done in this session that can be taken back."""
    return bool(st.session_state.get(_FORMER))


def forget_reviews() -> None:
    """Forget what was done: it became a dataset, and cannot be taken back any more."""
    st.session_state.pop(_FORMER, None)


def name_model(one: Feedback) -> str:
    """Return the version that answered, or the run."""
    return f"v{one.version}" if one.version is not None else f"run {one.run_id[:6]}"


def _say(sentence: str) -> None:
    keep_done("review", sentence)
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


_ACTIONS: tuple[tuple[str, str, str, Action, State], ...] = (
    ("Accept", "check", "A", "accept", "accepted"),
    ("Discard", "delete", "D", "discard", "discarded"),
    ("Put back", "inbox", "B", "reopen", "waiting"),
)
"""Label, icon, key, what it does, and the state in which it is needless."""
_NAMED = 5


def show_many(found: Sequence[Feedback], chosen: Sequence[Feedback]) -> None:
    """Draw the actions for what is chosen in the list, or how to choose."""
    if not chosen:
        st.caption("Choose rows to decide on several at once.")
        return
    said = sorted({one.class_name for one in chosen})
    shown = ", ".join(plain(name, 30) for name in said[:_NAMED])
    more = " …" if len(said) > _NAMED else ""
    st.markdown(f"**{count(len(chosen), 'answer')} chosen**, said to be {shown}{more}")
    if len(chosen) == 1:
        st.button(
            "Look at it",
            icon=":material/zoom_in:",
            key=f"review.look.{chosen[0].number}",
            on_click=partial(keep_choice, ITEM, str(chosen[0].number)),
        )
    if not chosen[0].is_open:
        st.caption("They were gathered for a dataset: change their classes there.")
        return
    following = find_following(found, chosen)
    show_actions(chosen, list_model_classes(chosen[0]), following, keys=False)


def show_actions(
    chosen: Sequence[Feedback], classes: Sequence[str], following: int | None, *, keys: bool
) -> None:
    """Draw accept, discard, put back and relabel; `keys`: at the card, where keys are heard."""
    first, place = chosen[0], "card" if keys else f"many.{len(chosen)}"
    decide = partial(review_shown, first) if keys else partial(review, chosen)
    with st.container(horizontal=True, gap="small"):
        for label, icon, key, action, outcome in _ACTIONS:
            if first.state == outcome:
                continue
            st.button(
                label if keys else f"{label} {len(chosen):,}",
                icon=f":material/{icon}:",
                key=f"review.{action}.{place}.{first.number}",
                type="primary" if keys and action == "accept" else "secondary",
                shortcut=key if keys else None,
                on_click=partial(decide, action, None, following),
            )
        label = "Other class" if keys else f"Relabel {len(chosen):,}"
        with st.popover(label, icon=":material/label:"):
            _show_relabel(decide, classes, following, f"{place}.{first.number}")


def _show_relabel(
    decide: Callable[[Action, str | None, int | None], None],
    classes: Sequence[str],
    following: int | None,
    key: str,
) -> None:
    name = pick_or_type("It is", classes, f"review.class.{key}")
    name = match_class(name, classes) if name else None
    meant = None
    if name and name not in classes:
        st.caption(":material/new_label: The model does not know this class yet.")
        meant = find_meant_class(name, classes)
    if meant:
        st.button(
            f"Did you mean {plain(meant, 40)}?",
            key=f"review.meant.{key}",
            on_click=partial(decide, "relabel", meant, following),
        )
    st.button(
        "Relabel",
        type="primary",
        disabled=not name,
        key=f"review.relabel.{key}",
        on_click=partial(decide, "relabel", name, following),
    )


def find_following(found: Sequence[Feedback], chosen: Sequence[Feedback]) -> int | None:
    """Return the number of the next feedback in the list that is not decided on now."""
    numbers = {one.number for one in chosen}
    place = max(found.index(one) for one in chosen)
    rest = [one for one in (*found[place:], *found[:place][::-1]) if one.number not in numbers]
    return rest[0].number if rest else None


def list_model_classes(one: Feedback) -> list[str]:
    """Return the classes of the model that answered; none where it is gone."""
    try:
        if one.version is not None:
            return list(read_version(cache.workspace(), one.version).classes)
        return list(cache.result(one.run_id).classes)
    except PetalscopeError:
        return []
