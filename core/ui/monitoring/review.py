"""The tab Review: the inbox of feedback, below it the new dataset version and the retraining."""

from collections.abc import Sequence
from typing import cast

import pandas as pd
import streamlit as st

from core.formats import cell_text, count, moment, plain, sort_names
from core.monitoring.feedback import Feedback, State, count_feedback, list_feedback
from core.registry.store import read_aliases
from core.ui.monitoring.card import (
    ITEM,
    ROUND,
    find_following,
    list_model_classes,
    name_model,
    show_actions,
    show_card,
    show_undo,
)
from core.ui.monitoring.retraining import show_new_version, show_retraining
from core.ui.parts import cache
from core.ui.parts.components import KeyQueue
from core.ui.parts.messages import show_done, show_empty
from core.ui.parts.pickers import pick_linked, pick_named, pick_page
from core.ui.parts.state import bind_choice, choose_from, keep_choice
from core.ui.photos.reading import link_kept_photo

_STATES: dict[State, str] = {
    "waiting": "Waiting",
    "accepted": "Accepted",
    "relabelled": "Relabelled",
    "discarded": "Discarded",
    "used": "In a dataset",
}
_VERDICTS = {"wrong": "Wrong", "right": "Correct", "unknown": "I don't know"}
_AT_ONCE = 50
_ROW_HEIGHT = 56
_HEIGHT = 520
_NAMED = 5


def show_review() -> None:
    """Draw the whole tab."""
    if cache.workspace().read_only:
        st.info("This workspace is read-only.", icon=":material/inbox:")
        return
    counts = count_feedback(cache.workspace(), by_photo=True)
    if not any(counts.values()):
        show_empty(
            "No feedback yet",
            "Give feedback with the buttons below an answer on the page Predict, or by the API. "
            "Reviewed photos become training photos.",
            "predict",
            "Classify a photo",
            "photo_camera",
        )
        if "champion" in read_aliases(cache.workspace()):
            show_retraining()
        return
    names: dict[str, str] = {one: f"{name} ({counts[one]:,})" for one, name in _STATES.items()}
    state = cast("State", pick_linked("State", names, "state", "review.state"))
    everything = list_feedback(cache.workspace(), state=state)
    if state == "waiting":
        everything.reverse()  # the oldest first
    found = _filter_feedback(everything)
    if found:
        show_card(found)
        actions = st.container()
        selected = _show_list(found)
        with actions:
            _show_selected(found, selected)
    else:
        show_done("review")
        with st.container(horizontal=True, vertical_alignment="center"):
            if everything:
                st.info("No match. Choose “Any” above.", icon=":material/filter_alt_off:")
            elif state == "waiting":
                st.success("Everything is reviewed.", icon=":material/inbox:")
            else:
                st.info("No feedback in this state.", icon=":material/inbox:")
            show_undo(KeyQueue("review", ITEM))
    st.divider()
    show_new_version()
    st.divider()
    show_retraining()


def _filter_feedback(found: Sequence[Feedback]) -> list[Feedback]:
    """Return the feedback that matches the filters, each photo once."""
    classes = sort_names({one.class_name for one in found})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        verdict = _pick("said", "Answer", _VERDICTS)
        name = _pick("said_class", "Class in the feedback", {one: one for one in classes})
    chosen = [
        one
        for one in found
        if verdict in (None, _find_verdict(one)) and name in (None, one.class_name)
    ]
    photos = {one.photo: one for one in reversed(chosen)}  # the first in the list
    return [one for one in chosen if photos[one.photo] is one]


def _find_verdict(one: Feedback) -> str:
    if one.kind != "answer":
        return "unknown"
    return "right" if one.was_right else "wrong"


def _pick(name: str, label: str, options: dict[str, str]) -> str | None:
    stated = choose_from(name, options, None) if name in st.query_params else None
    bound = bind_choice(name, stated, key=f"review.{name}")
    chosen: str | None = pick_named(
        label, options, index=None, placeholder="Any", width=190, **bound
    )
    return chosen


def _show_list(found: Sequence[Feedback]) -> list[Feedback]:
    """Draw one page of the list and return its selected rows."""
    first = pick_page("review_page", len(found), _AT_ONCE).start
    shown = found[first : first + _AT_ONCE]
    # The key changes with the rows, so that a selection never applies to other rows.
    key = f"{st.session_state.get(ROUND, 0)}.{shown[0].number}.{len(shown)}"
    table = pd.DataFrame(
        [
            {
                "Photo": link_kept_photo(one.photo),
                "Prediction": cell_text(one.top)
                if one.kind != "unlike"
                else f"I don't know ({one.top}?)",
                "Score": 100 * one.top_score,
                "Feedback": cell_text(one.class_name),  # the table can be downloaded as CSV
                "Reviewed as": cell_text(one.left_out or one.final_class or ""),
                "Note": cell_text(one.note),
                "Time": moment(one.time),
                "Model": f"{name_model(one)}, {one.source}",
            }
            for one in shown
        ]
    )
    empty = [name for name in ("Reviewed as", "Note") if not table[name].any()]
    event = st.dataframe(
        table.drop(columns=empty),
        key=f"review.table.{key}",
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height=min(_HEIGHT, 40 + _ROW_HEIGHT * len(shown)),
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "Photo": st.column_config.ImageColumn(width=64),
            "Score": st.column_config.NumberColumn(format="%.0f %%", width=64),
        },
    )
    rows: list[int] = event.selection.rows
    return [shown[row] for row in rows if row < len(shown)]


def _show_selected(found: Sequence[Feedback], selected: Sequence[Feedback]) -> None:
    """Draw the actions for the selected rows."""
    if not selected:
        st.caption("Select rows to review several at once.")
        return
    names = sort_names({one.class_name for one in selected})
    shown = ", ".join(plain(name, 30) for name in names[:_NAMED])
    more = " …" if len(names) > _NAMED else ""
    st.markdown(f"**{count(len(selected), 'answer')} selected**: {shown}{more}")
    if len(selected) == 1:
        st.button(
            "Open",
            icon=":material/zoom_in:",
            key=f"review.open.{selected[0].number}",
            on_click=keep_choice,
            args=(ITEM, str(selected[0].number)),
        )
    if selected[0].is_open:
        following = find_following(found, selected)
        show_actions(
            selected,
            list_model_classes(selected[0]),
            following,
            KeyQueue("review", ITEM, works=False),
        )
    else:
        st.caption("These photos are in a dataset: change their classes there.")
