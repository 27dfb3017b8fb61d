"""What becomes of the photos that people ask about, in one line, and the deletion of one's own."""

import streamlit as st

from core.config import read_settings
from core.formats import count
from core.monitoring.log import count_predictions, delete_predictions
from core.ui.parts import cache
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.state import name_browser
from core.ui.predict.batch import end_batches

_DELETED = "privacy.deleted"


def show_privacy_line() -> None:
    """Draws what is kept of a request, and the way to delete one's own."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/lock: {_describe_keeping()}", width="content")
        if st.button(
            "Delete mine",
            key="privacy.delete",
            type="tertiary",
            icon=":material/delete:",
            help="Deletes what this program has kept of your photos and answers.",
        ):
            _confirm()


def _describe_keeping() -> str:
    days = read_settings().keep_photos_days
    kept = (
        "the photo itself is not kept, unless you send it for review"
        if days <= 0
        else f"the photo itself is kept for {count(round(days), 'day')} at most, longer only while "
        "it waits for a review"
    )
    return (
        "Photos stay on the machine that this program runs on. Of each answer it notes figures; "
        f"{kept}."
    )


@st.dialog("Delete what is kept of me")
def _confirm() -> None:
    if st.session_state.pop(_DELETED, False):
        st.rerun()  # the dialog closes, and the page tells what was deleted
    visitor = name_browser()
    mine = count_predictions(cache.workspace(), visitor=visitor)
    if not mine:
        st.write("Nothing is kept of you: no answer was noted for this browser.")
        st.caption(
            "Answers of an earlier visit can be deleted by whoever runs this program: page "
            "Monitoring, by the photo."
        )
        return
    st.write(
        f"{count(mine, 'answer')} noted for you: time, digest and figures of the photo, scores, "
        "and what you said of them. All of it is deleted, and your photos that wait for a review."
    )
    st.caption("A photo that was reviewed and is part of a dataset stays there: ask its keeper.")
    st.button(
        "Delete all of it", key="privacy.confirm", type="primary", on_click=_delete, args=[visitor]
    )


def _delete(visitor: str) -> None:
    end_batches(visitor)  # or what goes on would be written down behind the deletion
    gone = delete_predictions(cache.workspace(), visitor=visitor)
    st.session_state[_DELETED] = True
    tell_after_rerun(f"Deleted: {count(gone, 'answer')} and all that was kept with it.")
