"""The predict page: photos in, answers out, by one model or two side by side."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.config import read_settings
from core.formats import count, plain
from core.monitoring.kept_photos import Photo
from core.monitoring.log import count_predictions, delete_predictions
from core.monitoring.sessions import BrowserSession, Model
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_told, tell_after_rerun
from core.ui.predict.answer import show_answer, show_no_rule
from core.ui.predict.many import MOST_PHOTOS, show_many
from core.ui.predict.question import pick_models, start_over, take_photos
from core.ui.predict.reading import (
    Answer,
    ask,
    forget_predictions,
    list_classes,
    open_model,
    read_session,
    settle_model,
)
from core.ui.predict.teaching import forget_lesson, is_teaching, show_effect_of, show_teaching
from core.ui.visitor import name_browser

_NAMED = 8
_DELETED = "privacy.deleted"


def show_predicting() -> None:
    """Draw the ways to give photos, the choice of models, and what they answer."""
    show_told()
    question, beside = st.columns([2, 3], gap="medium")
    session = _open_session()
    with question:
        taken = take_photos()
        session.take(taken.key)
        models = pick_models()
        if not taken.key:
            show_privacy_line()
        lesson = st.container()
    both, given = list[Answer](), list[Photo]()
    with beside, report_errors():
        if not taken.photos:
            _show_waiting(models[0])
        else:
            models = [_settle(model) for model in models]
        if len(taken.photos) == 1:
            given = [Photo(taken.photos[0].read())]
            answers = [ask(session, model, given[0]) for model in models]
            if len(answers) == 1:
                show_answer(answers[0], key="predict.only")
            else:
                _show_agreement(answers)
                both = answers
        elif taken.photos:
            for model in (one for one in models if open_model(one).rule is None):
                show_no_rule(model)
            given = show_many(session, models, taken.photos)
    with report_errors():
        if both:
            _show_both(both)
    _show_lesson(lesson if is_teaching() or not taken.key else st.container(), models[0], given)
    if taken.key:  # the answers stand as high as they can: a phone shows little at a time
        show_privacy_line()


def _show_lesson(place: DeltaGenerator, model: Model, given: Sequence[Photo]) -> None:
    """Draw the lesson at its place, and across the page what it does to the other classes."""
    learned = None
    with place, report_errors():
        learned = show_teaching(read_session(), model, given)
    with report_errors():
        if learned is not None:
            show_effect_of(learned)


def _settle(model: Model) -> Model:
    """Return the model that answers; say where it is a former champion."""
    settled, said = settle_model(model)
    if said:
        st.warning(said, icon=":material/history:")
    return settled


def _open_session() -> BrowserSession:
    """Return the session, begun anew where a person had all deleted: nothing is logged again."""
    session = read_session()
    if session.was_cleared(cache.workspace()):
        start_over()
        forget_lesson()
        forget_predictions()
        session.answers.clear()
    return session


def _show_waiting(model: Model) -> None:
    """Draw that there is no photo yet, and what the model knows."""
    known = list_classes(model)
    with st.container(border=True):
        st.subheader("No photo yet", anchor=False)
        names = ", ".join(plain(name) for name in known[:_NAMED])
        rest = len(known) - _NAMED
        st.write(
            f"Choose, drop, paste or take one; up to {MOST_PHOTOS} at once make a table. "
            f"This model knows {names}" + (f" and {rest} more." if rest > 0 else ".")
        )


def _show_agreement(answers: Sequence[Answer]) -> None:
    """Draw whether both models say the same of the photo."""
    short = [answer.asked.short for answer in answers]
    same = short[0].class_name == short[1].class_name and short[0].kind == short[1].kind
    with st.container(border=True):
        st.subheader("Both say the same" if same else "They differ", anchor=False)
        for answer in answers:
            label = plain(answer.model.label, 80)
            st.markdown(f"**{label}**: {plain(answer.asked.short.sentence)}")


def _show_both(answers: Sequence[Answer]) -> None:
    columns = st.columns(2, gap="large")
    for place, (column, answer) in enumerate(zip(columns, answers, strict=True)):
        with column, st.container(border=True):
            st.caption(plain(answer.model.label, 80))
            show_answer(answer, key=f"predict.side.{place}")


@cache.for_editors
def show_privacy_line() -> None:
    """Draw what is kept of a request, and the way to delete one's own."""
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
    kept = "not kept, unless you send it for review"
    if days > 0:
        most = count(round(days), "day")
        kept = f"kept for {most} at most, longer only while it waits for a review"
    return (
        "Photos stay on the machine that this program runs on. Of each answer it notes figures; "
        f"the photo itself is {kept}."
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
    gone = delete_predictions(cache.workspace(), visitor=visitor)
    st.session_state[_DELETED] = True
    tell_after_rerun(f"Deleted: {count(gone, 'answer')} and all that was kept with it.")
