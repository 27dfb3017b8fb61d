"""The buttons that decide on feedback, on one answer or on all that were chosen in the list."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from core.errors import PetalscopeError
from core.formats import count, plain
from core.monitoring.class_names import find_meant_class, match_class
from core.monitoring.feedback import Action, Feedback, State
from core.registry.store import read_version
from core.ui.parts import cache
from core.ui.parts.state import keep_choice
from core.ui.review.actions import ITEM, review, review_shown

_DEEDS: tuple[tuple[str, str, str, Action, State], ...] = (
    ("Accept", "check", "A", "accept", "accepted"),
    ("Discard", "delete", "D", "discard", "discarded"),
    ("Put back", "inbox", "B", "reopen", "waiting"),
)
"""Label, icon, key, what it does, and the state in which it is needless."""
_NAMED = 5


def show_many(found: Sequence[Feedback], chosen: Sequence[Feedback]) -> None:
    """Draws the deeds for what is chosen in the list, or how to choose.

    Args:
        found: All that are in the list, in its order.
        chosen: Those that were chosen in it, in one state.
    """
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
    show_deeds(chosen, list_model_classes(chosen[0]), following, keys=False)


def show_deeds(
    chosen: Sequence[Feedback], classes: Sequence[str], following: int | None, *, keys: bool
) -> None:
    """Draws accept, discard, put back and relabel.

    Args:
        chosen: What they decide on, in one state.
        classes: Those of the model that answered.
        following: Number of the feedback to come to afterwards.
        keys: Whether they stand at the card, and hear keys; else they say how many.
    """
    first, place = chosen[0], "card" if keys else f"many.{len(chosen)}"
    deed = partial(review_shown, first) if keys else partial(review, chosen)
    with st.container(horizontal=True, gap="small"):
        for label, icon, key, action, outcome in _DEEDS:
            if first.state == outcome:
                continue
            st.button(
                label if keys else f"{label} {len(chosen):,}",
                icon=f":material/{icon}:",
                key=f"review.{action}.{place}.{first.number}",
                type="primary" if keys and action == "accept" else "secondary",
                shortcut=key if keys else None,
                on_click=partial(deed, action, None, following),
            )
        label = "Other class" if keys else f"Relabel {len(chosen):,}"
        with st.popover(label, icon=":material/label:"):
            _show_relabel(deed, classes, following, f"{place}.{first.number}")


def _show_relabel(
    deed: Callable[[Action, str | None, int | None], None],
    classes: Sequence[str],
    following: int | None,
    key: str,
) -> None:
    name = st.selectbox(
        "It is",
        classes,
        index=None,
        placeholder="Choose a class, or type a new one",
        accept_new_options=True,
        key=f"review.class.{key}",
    )
    name = match_class(name, classes) if name else None
    meant = None
    if name and name not in classes:
        st.caption(":material/new_label: The model does not know this class yet.")
        meant = find_meant_class(name, classes)
    if meant:
        st.button(
            f"Did you mean {plain(meant, 40)}?",
            key=f"review.meant.{key}",
            on_click=partial(deed, "relabel", meant, following),
        )
    st.button(
        "Relabel",
        type="primary",
        disabled=not name,
        key=f"review.relabel.{key}",
        on_click=partial(deed, "relabel", name, following),
    )


def find_following(found: Sequence[Feedback], chosen: Sequence[Feedback]) -> int | None:
    """Returns the number of the next feedback in the list that is not decided on now."""
    numbers = {one.number for one in chosen}
    place = max(found.index(one) for one in chosen)
    rest = [one for one in (*found[place:], *found[:place][::-1]) if one.number not in numbers]
    return rest[0].number if rest else None


def list_model_classes(one: Feedback) -> list[str]:
    """Returns the classes of the model that answered; none where it is gone."""
    try:
        if one.version is not None:
            return list(read_version(cache.workspace(), one.version).classes)
        return list(cache.result(one.run_id).classes)
    except PetalscopeError:
        return []
