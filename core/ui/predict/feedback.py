"""“Right”, or “It is really …”: what a person says of an answer goes to the review inbox."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import streamlit as st

from core.errors import PetalscopeError
from core.formats import plain
from core.monitoring.class_names import LONGEST_CLASS, find_meant_class, match_class
from core.monitoring.feedback import give_feedback
from core.monitoring.kept_photos import find_kept
from core.prediction.predictor import Prediction
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem
from core.ui.predict.desk import Asked

_REFUSED = "predict.refused"
_CONSENT = (
    "What you say goes to the review inbox, and with it the photo: it is kept on this machine "
    "until somebody has reviewed it, and may then be learnt from."
)


@st.fragment
def show_feedback(
    asked: Asked, prediction: Prediction, classes: Sequence[str], content: bytes, who: str
) -> None:
    """Draws the question whether an answer is right, or what was said of it.

    Args:
        asked: The answer; told what the person says.
        prediction: That of the answer.
        classes: All that the model knows.
        content: The photo.
        who: Who is asked, as the log knows them.
    """
    if not asked.id:
        st.caption(
            "This answer is not on record, so nothing can be said of it. Give the photo again to "
            "have it noted."
        )
        return
    if asked.said:
        _show_said(asked)
        return
    _ask(asked, prediction, classes, partial(_send, asked, content, who))
    refused = st.session_state.pop(f"{_REFUSED}.{asked.id}", None)
    if refused:
        show_problem(*refused)
    st.caption(_CONSENT)


def _ask(
    asked: Asked, prediction: Prediction, classes: Sequence[str], send: Callable[[str], None]
) -> None:
    """Draws “Right” and “It is really …”; `send` takes the class that the person means."""
    name = asked.short.class_name
    st.markdown("**Is that right?**" if name else "**Do you know what it is?**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if name:
            st.button(
                "Right",
                icon=":material/check:",
                key=f"predict.right.{asked.id}",
                width="stretch",
                on_click=partial(send, name),
            )
        order = [classes[number] for number in np.argsort(-prediction.scores, kind="stable")]
        really = st.selectbox(
            "It is really …" if name else "It is …",
            [option for option in order if option != name],
            index=None,
            placeholder="search or type",
            accept_new_options=True,
            key=f"predict.really.{asked.id}",
            width="stretch",
        )
    if really:
        _offer(match_class(str(really)[:LONGEST_CLASS], classes), asked, classes, send)


def _offer(really: str, asked: Asked, classes: Sequence[str], send: Callable[[str], None]) -> None:
    """Draws the button that sends a class; of a new one that is near a known one, both."""
    names = [really]
    if really not in classes:
        meant = find_meant_class(really, classes)
        known = f"“{plain(really)}” is none of the classes it knows; "
        st.caption(known + (f"did you mean “{plain(meant)}”?" if meant else "it can become one."))
        names = [meant, really] if meant else names
    for name in names:
        st.button(
            f"Send: it is {plain(name, 40)}",
            type="primary" if name == names[0] else "secondary",
            icon=":material/send:",
            key=f"predict.send.{asked.id}.{names.index(name)}",
            width="stretch",
            on_click=partial(send, name),
        )


def _show_said(asked: Asked) -> None:
    right = asked.said == asked.short.class_name
    said = "that it is right" if right else f"that it is really **{plain(asked.said)}**"
    with st.container(border=True):
        st.markdown(f":material/inbox: Thank you. You said {said}; it waits in the review inbox.")
        if not asked.is_kept:
            st.caption(
                ":orange[There is no room to keep the photo with it just now: it cannot be learnt "
                "from.]"
            )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Say something else",
                key=f"predict.again.{asked.id}",
                on_click=partial(setattr, asked, "said", ""),
            )
            st.page_link(page_file("review"), label="Review inbox", icon=":material/inbox:")


def _send(asked: Asked, content: bytes, who: str, class_name: str) -> None:
    """Sends what was said; a callback, because it may be heard by any run of the page."""
    try:
        feedback = give_feedback(
            cache.workspace(), asked.id, class_name=class_name, photo=content, who=who
        )
    except PetalscopeError as error:
        st.session_state[f"{_REFUSED}.{asked.id}"] = (error.problem, error.remedy)
        return
    asked.is_kept = bool(find_kept(cache.workspace(), [feedback.photo]))
    asked.said = feedback.class_name
