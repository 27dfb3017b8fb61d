"""Up to 20 photos on the page: a table of their answers, its CSV, the answer behind a row."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import COMMAND, PhotoRefused, SourceRefused
from core.formats import count, data_uri, plain
from core.monitoring.kept_photos import Photo
from core.monitoring.sessions import BrowserSession, Model
from core.prediction.album import NamedPhoto
from core.prediction.answers import AnsweredPhoto, ShortAnswer, write_answers
from core.ui.parts.messages import offer_csv, show_problem
from core.ui.predict.answer import show_answer
from core.ui.predict.reading import ask

MOST_PHOTOS = 20
_HEAD_PX, _ROW_PX, _MOST_ROWS = 38, 56, 5


def show_many(
    session: BrowserSession, models: Sequence[Model], photos: Sequence[NamedPhoto]
) -> list[Photo]:
    """Return the photos that were answered; draw the table, and the answer to the chosen one.

    Raises:
        SourceRefused: There are more than the page answers.
        PetalscopeError: A model cannot answer.
    """
    if len(photos) > MOST_PHOTOS:
        raise SourceRefused(
            f"{len(photos):,} photos were given; the page answers up to {MOST_PHOTOS}.",
            f"Give fewer, or run “{COMMAND} predict MODEL --dir FOLDER --to answers.csv”.",
        )
    with st.spinner("Answering …"):
        rows = [_answer(session, models, photo) for photo in photos]
    read = {place: Photo(photos[place].read()) for place, row in enumerate(rows) if row.answers}
    st.subheader(f"{count(len(read), 'photo')} answered", anchor=False)
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
        alt="The answers, one row a photo; choose a cell to see why",
    )
    content = write_answers(rows, [model.name for model in models])
    offer_csv("Table as CSV", content, "answers.csv", on_click="ignore")
    cells = event.selection.cells
    place = cells[0][0] if cells else len(rows) - 1
    st.caption(f"{plain(rows[place].name, 80)} (choose another row for its answer)")
    if (refusal := rows[place].refusal) is not None:
        show_problem(refusal.problem, refusal.remedy)
    for number, model in enumerate(models if place in read else ()):
        if len(models) > 1:
            st.markdown(f"**{plain(model.label, 80)}**")
        show_answer(ask(session, model, read[place]), key=f"predict.row.{number}")
    return list(read.values())


def _answer(session: BrowserSession, models: Sequence[Model], given: NamedPhoto) -> AnsweredPhoto:
    try:
        photo = Photo(given.read())
        asked = [session.find(m, photo.sha256) or ask(session, m, photo).asked for m in models]
    except PhotoRefused as refusal:
        return AnsweredPhoto(name=given.name, refusal=refusal)
    answers = tuple(one.short for one in asked)
    return AnsweredPhoto(name=given.name, sha256=photo.sha256, answers=answers)


def _tabulate(
    session: BrowserSession, models: Sequence[Model], rows: Sequence[AnsweredPhoto]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table, and how its columns look."""
    seen = [session.find(models[0], row.sha256) for row in rows]
    table: dict[str, list[Any]] = {"Photo": [one and data_uri(one.thumbnail) for one in seen]}
    columns: dict[str, Any] = {"Photo": st.column_config.ImageColumn(width=64)}
    for place, model in enumerate(models):
        mark = f"{model.name}: " if len(models) > 1 else ""
        answers = [row.answers[place] if row.answers else None for row in rows]
        table[f"{mark}Answer"] = [_say(answer) for answer in answers]
        table[f"{mark}Score"] = [_read_score(answer) for answer in answers]
        columns[f"{mark}Score"] = st.column_config.NumberColumn(format="%.0f %%")
    return pd.DataFrame(table | {"File": [row.name for row in rows]}), columns


def _say(answer: ShortAnswer | None) -> str:
    if answer is None:
        return "could not be read"
    guess = "unlike training" if answer.kind == "unlike" else f"{answer.top[0][0]}?"
    return answer.class_name or f"I don't know: {guess}"


def _read_score(answer: ShortAnswer | None) -> float | None:
    return None if answer is None or answer.kind == "unlike" else 100 * answer.top[0][1]
