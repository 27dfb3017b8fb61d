"""The review page: the inbox as a list, and what it says when there is nothing to review."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.formats import cell_text, count, moment
from core.monitoring.feedback import Feedback, State, count_feedback, list_feedback
from core.monitoring.kept_photos import find_kept
from core.registry.store import read_aliases
from core.ui.parts import cache
from core.ui.parts.messages import show_alarm_banner, show_done, show_empty, show_told
from core.ui.parts.pickers import pick_named, pick_page
from core.ui.parts.state import keep_choice, read_choice
from core.ui.photos.reading import link_kept_photo
from core.ui.review.actions import TURN, can_undo, name_model, show_many, undo
from core.ui.review.card import show_card
from core.ui.review.retraining import show_retraining
from core.ui.review.version import show_new_version

_STATES: dict[State, str] = {
    "waiting": "Waiting",
    "accepted": "Accepted",
    "relabelled": "Relabelled",
    "discarded": "Discarded",
    "used": "Gathered",
}
_SAYINGS = {"wrong": "It was wrong", "right": "It was right", "unknown": "It did not know"}
_AT_ONCE = 50
_PAGE = "review_page"
_ROW_HEIGHT = 56
_HEIGHT = 520


def show_review() -> None:
    """Draw the answer under review, the list it is of, the new version and the retraining."""
    if cache.workspace().read_only:
        st.info("Answers are reviewed by editors.", icon=":material/inbox:")
        return
    show_told()
    show_alarm_banner()
    _show_empty_inbox()
    state = _pick_state()
    everything = list_feedback(cache.workspace(), state=state)
    if state == "waiting":
        everything.reverse()  # the oldest first while it waits
    found = _filter_feedback(everything)
    if found:
        show_card(found)
        actions = st.container()
        chosen = _show_list(found)
        with actions:
            show_many(found, chosen)
    else:
        _show_nothing(state, len(everything))
    st.divider()
    show_new_version()
    st.divider()
    show_retraining()


def _show_empty_inbox() -> None:
    """Draw the empty state and ends the page while nobody has said anything yet."""
    if any(count_feedback(cache.workspace()).values()):
        return
    show_empty(
        "Nobody has said anything yet",
        "Below each answer on the page Predict stands “Right” and “It is really …”; programs say "
        "it by the API. What is said comes here, is reviewed, and becomes train photos.",
        "predict",
        "Predict a photo",
        "photo_camera",
    )
    if "champion" in read_aliases(cache.workspace()):
        st.divider()
        show_retraining()
    st.stop()


def _show_nothing(state: State, unfiltered: int) -> None:
    """Draw that the list is empty, and the way back from the last decision."""
    show_done("review")
    with st.container(horizontal=True, vertical_alignment="center"):
        if unfiltered:
            words = f"None of {count(unfiltered, 'answer')} here is what you look for."
            st.info(f"{words} Choose “Any” again.", icon=":material/filter_alt_off:")
        elif state == "waiting":
            st.success("All is reviewed.", icon=":material/inbox:")
        else:
            st.info("None in this state.", icon=":material/inbox:")
        if can_undo():
            st.button(
                "Undo", icon=":material/undo:", key="review.undo", shortcut="U", on_click=undo
            )


def _pick_state() -> State:
    """Return the state that is looked at, with how much is in each."""
    counts = count_feedback(cache.workspace(), by_photo=True)
    stated = read_choice("state")
    states = list(_STATES)
    chosen = st.segmented_control(
        "State",
        states,
        default=stated if stated in states else "waiting",
        format_func=lambda one: f"{_STATES[one]} ({counts[one]:,})",
        key="review.state",
        label_visibility="collapsed",
        required=True,
    )
    keep_choice("state", chosen)
    return chosen


def _filter_feedback(found: Sequence[Feedback]) -> list[Feedback]:
    """Return what a person wants to see of it, a photo once; the choices stand in one row."""
    classes = sorted({one.class_name for one in found})
    models = sorted({name_model(one) for one in found})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        said = _pick("said", "What was said", _SAYINGS)
        name = _pick("said_class", "They say it is", {one: one for one in classes})
        model = _pick("model", "Answered by", {one: one for one in models})
        kept = st.checkbox("With a photo only", key="review.kept")
    chosen = [
        one
        for one in found
        if (said is None or said == _say(one))
        and name in (None, one.class_name)
        and model in (None, name_model(one))
    ]
    photos = {one.photo: one for one in reversed(chosen)}  # of several the first in the list
    there = find_kept(cache.workspace(), photos) if kept else photos.keys()
    return [one for one in chosen if photos[one.photo] is one and one.photo in there]


def _show_list(found: Sequence[Feedback]) -> list[Feedback]:
    """Draw one page of the list and returns the rows of it that are chosen."""
    first = pick_page(_PAGE, len(found), _AT_ONCE).start
    shown = found[first : first + _AT_ONCE]
    # Named by turn: a choice of rows never outlives the rows it was made of.
    turn = f"{st.session_state.get(TURN, 0)}.{shown[0].number}.{len(shown)}"
    event = st.dataframe(
        _tabulate(shown),
        key=f"review.table.{turn}",
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=min(_HEIGHT, 40 + _ROW_HEIGHT * len(shown)),
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "photo": st.column_config.ImageColumn("Photo", width=64),
            "said": st.column_config.TextColumn("The model said"),
            "score": st.column_config.NumberColumn("Score", format="%.0f %%", width=64),
            "is": st.column_config.TextColumn("They say"),
            "final": st.column_config.TextColumn("Reviewed as"),
            "note": st.column_config.TextColumn("Note", width="medium"),
            "when": st.column_config.TextColumn("When"),
            "by": st.column_config.TextColumn("Answered by"),
        },
    )
    rows: list[int] = event.selection.rows
    return [shown[row] for row in rows if row < len(shown)]


def _tabulate(shown: Sequence[Feedback]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "photo": link_kept_photo(one.photo),
            "said": cell_text(one.top) if one.kind != "unlike" else f"I don't know ({one.top}?)",
            "score": 100 * one.top_score,
            "is": cell_text(one.class_name),  # the table has a button that makes a CSV of it
            "final": cell_text(one.left_out or one.final_class or ""),
            "note": cell_text(one.note),
            "when": moment(one.time),
            "by": f"{name_model(one)}, {one.source}",
        }
        for one in shown
    ]
    table = pd.DataFrame(rows)
    empty = [name for name in ("final", "note") if not table[name].any()]
    return table.drop(columns=empty)


def _pick(name: str, label: str, options: dict[str, str]) -> str | None:
    key, names = f"review.{name}", list(options)
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)  # what was chosen is in the list no more
    stated = st.query_params.get(name)
    chosen: str | None = pick_named(
        label,
        options,
        index=names.index(stated) if stated in names else None,
        placeholder="Any",
        key=key,
        width=170,
    )
    keep_choice(name, chosen)
    return chosen


def _say(one: Feedback) -> str:
    if one.kind != "answer":
        return "unknown"
    return "right" if one.was_right else "wrong"
