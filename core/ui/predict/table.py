"""The answers to many photos: what came of them in short, one row a photo, the CSV file."""

import base64
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.theme import format_share
from core.formats import count, plain
from core.prediction.answers import AnsweredPhoto, ShortAnswer, write_answers
from core.ui.predict.work import Batch

_HEAD_PX, _ROW_PX, _MOST_ROWS = 38, 56, 7
_CLASSES_SAID = 6
_UNKNOWN = "I don't know"
_KINDS: dict[str, Callable[[AnsweredPhoto], bool]] = {
    "All": lambda _: True,
    "Answered": lambda photo: any(answer.kind == "answer" for answer in photo.answers),
    _UNKNOWN: lambda photo: any(answer.kind != "answer" for answer in photo.answers),
    "They differ": lambda photo: not photo.agrees,
    "Not read": lambda photo: photo.refusal is not None,
}


def show_summary(batch: Batch) -> None:
    """Draws what came of the photos, in words."""
    photos = [row.photo for row in batch.rows]
    read = [photo for photo in photos if photo.refusal is None]
    st.subheader(f"{count(len(read), 'photo')} answered", anchor=False)
    for place, model in enumerate(batch.models):
        mark = f"**{plain(model.name)}:** " if len(batch.models) > 1 else ""
        st.markdown(mark + _say_mix([photo.answers[place] for photo in read]))
    said = []
    if len(batch.models) > 1:
        differ = sum(not photo.agrees for photo in read)
        said.append(f"the models differ on {differ:,} of {len(read):,}")
    if len(read) < len(photos):
        said.append(f"could not be read: {count(len(photos) - len(read), 'file')}")
    if batch.left_out:
        said.append(f"left out as no photos: {count(batch.left_out, 'file')} of the archive")
    if not batch.written:
        said.append("not all answers could be written down, and nothing can be said of those")
    if said:
        st.caption(f"{'; '.join(said).capitalize()}.")


def offer_csv(batch: Batch) -> None:
    """Draws the button that takes the answers along."""
    names = [model.name for model in batch.models]
    st.download_button(
        "Table as CSV",
        partial(write_answers, [row.photo for row in batch.rows], names),
        file_name=f"answers_{'_'.join(names).replace(' ', '')}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="predict.csv",
        on_click="ignore",
    )


def show_table(batch: Batch) -> int | None:
    """Draws the rows, and a choice of which; returns the place of the one that was chosen."""
    photos = [row.photo for row in batch.rows]
    places = {
        kind: [n for n, one in enumerate(photos) if meets(one)] for kind, meets in _KINDS.items()
    }
    kinds = [kind for kind in places if kind == "All" or 0 < len(places[kind]) < len(photos)]
    kind = "All"
    if len(kinds) > 1:
        kind = st.segmented_control(
            "Which photos",
            kinds,
            default="All",
            format_func=lambda name: f"{name} ({len(places[name]):,})",
            key=f"predict.kind.{batch.id}",
            required=True,
            label_visibility="collapsed",
        )
    shown = places[kind]
    table, columns = _make_table(batch, shown)
    event = st.dataframe(
        table,
        column_config=columns,
        hide_index=True,
        row_height=_ROW_PX,
        placeholder="–",
        height=_HEAD_PX + _ROW_PX * min(len(shown), _MOST_ROWS),
        on_select="rerun",
        selection_mode="single-cell",
        key=f"predict.table.{batch.id}.{kind}",
        alt="The answers, one row a photo; choose a cell to see why",
    )
    cells = event.selection.cells
    return shown[cells[0][0]] if cells and cells[0][0] < len(shown) else None


def _say_mix(answers: Sequence[ShortAnswer]) -> str:
    """Returns how many photos got which answer, the most frequent first."""
    named = Counter(answer.class_name for answer in answers if answer.class_name)
    unlike = sum(answer.kind == "unlike" for answer in answers)
    unsure = sum(answer.kind == "unsure" for answer in answers)
    said = [f"{plain(name, 40)} {n:,}" for name, n in named.most_common(_CLASSES_SAID)]
    rest = len(named) - _CLASSES_SAID
    said += [f"{count(rest, 'more class')}"] * (rest > 0)
    said += [f"I don't know: {unlike + unsure:,}"] * bool(unlike + unsure)
    said[-1:] = [f"{said[-1]} ({unlike:,} like nothing in training)"] if unlike else said[-1:]
    return " · ".join(said) or "No answer."


def _make_table(batch: Batch, shown: Sequence[int]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Returns the rows to draw and how their columns look; what matters most stands first."""
    rows = [batch.rows[place].photo for place in shown]
    table: dict[str, list[Any]] = {"Photo": [_read_thumbnail(batch, photo) for photo in rows]}
    columns: dict[str, Any] = {"Photo": st.column_config.ImageColumn("Photo", width=64)}
    for place, model in enumerate(batch.models):
        mark = f"{model.name}: " if len(batch.models) > 1 else ""
        answers = [photo.answers[place] if photo.answers else None for photo in rows]
        table[f"{mark}Answer"] = [_say(answer) for answer in answers]
        table[f"{mark}Score"] = [100 * answer.top[0][1] if answer else None for answer in answers]
        columns[f"{mark}Score"] = st.column_config.NumberColumn(format="%.0f %%")
        if not mark:
            table["Next"] = [_say_next(answer) for answer in answers]
    table["File"] = [photo.name for photo in rows]
    if any(photo.refusal for photo in rows):
        table["Problem"] = [photo.refusal.problem if photo.refusal else "" for photo in rows]
    return pd.DataFrame(table), columns


def _say(answer: ShortAnswer | None) -> str:
    if answer is None:
        return "could not be read"
    return answer.class_name or (
        f"{_UNKNOWN}: " + ("unlike" if answer.kind == "unlike" else f"{answer.top[0][0]}?")
    )


def _say_next(answer: ShortAnswer | None) -> str:
    if answer is None or len(answer.top) < 2:
        return ""
    name, score = answer.top[1]
    return f"{name} {format_share(score)}"


def _read_thumbnail(batch: Batch, photo: AnsweredPhoto) -> str | None:
    asked = batch.desk.find(batch.models[0], photo.sha256)
    if asked is None:
        return None
    return f"data:image/webp;base64,{base64.b64encode(asked.thumbnail).decode()}"
