"""The page Predict: photos in, answers out, by one model or by two side by side.

Upload, camera and answer come first; models and privacy are behind “More”.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.config import read_settings
from core.errors import COMMAND, PhotoRefused, SourceRefused
from core.formats import count, data_uri, plain
from core.monitoring.kept_photos import Photo
from core.monitoring.log import count_predictions, delete_predictions
from core.prediction.album import NamedPhoto
from core.prediction.answers import AnsweredPhoto, phrase_decision, write_answers
from core.prediction.deciding import Decision
from core.ui.parts import cache
from core.ui.parts.messages import (
    offer_csv,
    report_errors,
    show_problem,
    show_told,
    tell_after_rerun,
)
from core.ui.predict.answer import show_answer, show_no_rule
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
from core.ui.predict.sessions import BrowserSession, Model
from core.ui.visitor import name_browser

MOST_PHOTOS = 20
_HEAD_PX, _ROW_PX, _MOST_ROWS = 38, 56, 5
_NAMED = 8
_DELETED = "privacy.deleted"


def show_predicting() -> None:
    """Draw the ways to give photos, and the answers."""
    show_told()
    question, shown = st.columns([2, 3], gap="medium")
    session = _open_session()
    with question:
        taken = take_photos()
        session.take(taken.key)
        with st.expander("More", icon=":material/tune:"):
            models = pick_models()
            show_privacy_line()
    answers = list[Answer]()
    with shown, report_errors():
        if taken.photos:
            models = [_settle(model) for model in models]
        if len(taken.photos) == 1:
            photo = Photo(taken.photos[0].read())
            answers = [ask(session, model, photo) for model in models]
            _show_one(answers)
        elif taken.photos:
            _show_many(session, models, taken.photos)
        else:
            _show_waiting(models[0])
    if len(answers) > 1:
        with report_errors():
            _show_both(answers)


def _settle(model: Model) -> Model:
    """Return the model that answers; draw a warning where it is a former champion."""
    settled, said = settle_model(model)
    if said:
        st.warning(said, icon=":material/history:")
    return settled


def _open_session() -> BrowserSession:
    """Return the session; after a deletion an empty one, so that nothing is logged again."""
    session = read_session()
    if session.was_cleared(cache.workspace()):
        start_over()
        forget_predictions()
        session.answers.clear()
    return session


def _show_waiting(model: Model) -> None:
    """Draw that there is no photo yet, and the classes of the model."""
    known = list_classes(model)
    names = ", ".join(plain(name) for name in known[:_NAMED])
    rest = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    with st.container(border=True):
        st.subheader("No photo yet", anchor=False)
        st.write(f"Choose, drop, paste or take a photo. This model knows {names}{rest}.")


def _show_one(answers: Sequence[Answer]) -> None:
    """Draw the answer of one model, or whether two models agree."""
    if len(answers) == 1:
        show_answer(answers[0], key="predict.only")
        return
    first, second = (answer.asked.decision for answer in answers)
    same = first.class_name == second.class_name and first.kind == second.kind
    with st.container(border=True):
        st.subheader("Both models agree" if same else "The models disagree", anchor=False)
        for answer in answers:
            label = plain(answer.model.label, 80)
            st.markdown(f"**{label}**: {plain(phrase_decision(answer.asked.decision))}")


def _show_both(answers: Sequence[Answer]) -> None:
    columns = st.columns(2, gap="large")
    for place, (column, answer) in enumerate(zip(columns, answers, strict=True)):
        with column, st.container(border=True):
            st.caption(plain(answer.model.label, 80))
            show_answer(answer, key=f"predict.side.{place}")


def _show_many(
    session: BrowserSession, models: Sequence[Model], photos: Sequence[NamedPhoto]
) -> None:
    """Draw a table of answers and the chosen answer.

    Raises:
        SourceRefused: There are more than 20 photos.
        PetalscopeError: A model cannot answer.
    """
    if len(photos) > MOST_PHOTOS:
        raise SourceRefused(
            f"{len(photos):,} photos; this page answers up to {MOST_PHOTOS}.",
            f"Give fewer, or run “{COMMAND} predict MODEL --dir FOLDER --to answers.csv”.",
        )
    for model in (one for one in models if open_model(one).rule is None):
        show_no_rule(model)
    with st.spinner("Answering …"):
        rows = [_answer(session, models, photo) for photo in photos]
    st.subheader(f"{count(sum(bool(row.answers) for row in rows), 'photo')} answered", anchor=False)
    table, columns = _tabulate(session, models, rows)
    event = st.dataframe(
        table,
        column_config=columns,
        hide_index=True,
        row_height=_ROW_PX,
        placeholder="–",
        height=_HEAD_PX + _ROW_PX * min(len(rows), _MOST_ROWS),
        on_select="rerun",
        selection_mode="single-cell",
        key=f"predict.table.{session.files}",
        alt="The answers, one row per photo",
    )
    content = write_answers(rows, [model.name for model in models])
    offer_csv("Table as CSV", content, "answers.csv", on_click="ignore")
    cells = event.selection.cells
    place = cells[0][0] if cells else len(rows) - 1
    st.caption(f"{plain(rows[place].name, 80)} (click another row to see its answer)")
    if (refusal := rows[place].refusal) is not None:
        show_problem(refusal.problem, refusal.remedy)
        return
    photo = Photo(photos[place].read())
    for number, model in enumerate(models):
        if len(models) > 1:
            st.markdown(f"**{plain(model.label, 80)}**")
        show_answer(ask(session, model, photo), key=f"predict.row.{number}")


def _answer(session: BrowserSession, models: Sequence[Model], given: NamedPhoto) -> AnsweredPhoto:
    try:
        photo = Photo(given.read())
        asked = [session.find(m, photo.sha256) or ask(session, m, photo).asked for m in models]
    except PhotoRefused as refusal:
        return AnsweredPhoto(name=given.name, refusal=refusal)
    answers = tuple(one.decision for one in asked)
    return AnsweredPhoto(name=given.name, sha256=photo.sha256, answers=answers)


def _tabulate(
    session: BrowserSession, models: Sequence[Model], rows: Sequence[AnsweredPhoto]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table and the configuration of its columns."""
    seen = [session.find(models[0], row.sha256) for row in rows]
    table: dict[str, list[Any]] = {"Photo": [one and data_uri(one.thumbnail) for one in seen]}
    columns: dict[str, Any] = {"Photo": st.column_config.ImageColumn(width=64)}
    for place, model in enumerate(models):
        mark = f"{model.name}: " if len(models) > 1 else ""
        answers = [row.answers[place] if row.answers else None for row in rows]
        table[f"{mark}Answer"] = [_say(answer) for answer in answers]
        table[f"{mark}Score"] = [
            None if one is None or one.kind == "unlike" else 100 * one.top[0][1] for one in answers
        ]
        columns[f"{mark}Score"] = st.column_config.NumberColumn(format="%.0f %%")
    return pd.DataFrame(table | {"File": [row.name for row in rows]}), columns


def _say(answer: Decision | None) -> str:
    if answer is None:
        return "could not be read"
    guess = "unlike training photos" if answer.kind == "unlike" else f"{answer.top[0][0]}?"
    return answer.class_name or f"I don't know: {guess}"


@cache.for_editors
def show_privacy_line() -> None:
    """Draw the rule about stored data, and the button that deletes a visitor's own."""
    days = read_settings().keep_photos_days
    photos = "not stored unless you send feedback"
    if days > 0:
        photos = f"stored for {count(round(days), 'day')}, longer while they wait for review"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/lock: Results are logged on this machine; photos are {photos}.",
            width="content",
        )
        if st.button(
            "Delete my data", key="privacy.delete", type="tertiary", icon=":material/delete:"
        ):
            _confirm()


@st.dialog("Delete my data")
def _confirm() -> None:
    if st.session_state.pop(_DELETED, False):
        st.rerun()  # closes the dialog
    visitor = name_browser()
    mine = count_predictions(cache.workspace(), visitor=visitor)
    if not mine:
        st.write("Nothing is stored for this browser.")
        st.caption("Answers of an earlier visit can be deleted on the page Monitoring.")
        return
    st.write(
        f"{count(mine, 'answer')}: time, scores, digest and figures of the photo, your feedback, "
        "and photos that wait for review."
    )
    st.caption("Photos that were reviewed and added to a dataset stay there.")
    st.button("Delete all", key="privacy.confirm", type="primary", on_click=_delete, args=[visitor])


def _delete(visitor: str) -> None:
    gone = delete_predictions(cache.workspace(), visitor=visitor)
    st.session_state[_DELETED] = True
    tell_after_rerun(f"{count(gone, 'answer')} deleted.")
