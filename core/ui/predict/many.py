"""Many photos on the page: the running batch, then the table and the answer behind a row."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.charts.theme import format_share
from core.errors import PhotoRefused, SourceRefused
from core.formats import count, data_uri, plain, rough_duration
from core.monitoring.batches import (
    MOST_PHOTOS,
    Batch,
    ask_others,
    find_batch,
    forget_batch,
    start_batch,
)
from core.monitoring.kept_photos import Photo
from core.monitoring.sessions import BrowserSession, Model
from core.prediction.answers import AnsweredPhoto, ShortAnswer, write_answers
from core.prediction.predictor import Predictor
from core.ui.parts import cache
from core.ui.parts.messages import offer_csv, show_problem
from core.ui.parts.state import keep_choice, read_choice
from core.ui.predict.answer import show_answer
from core.ui.predict.question import Taken, start_over
from core.ui.predict.reading import ask, open_model
from core.ui.predict.teaching import MOST_TAUGHT

_BATCH = "batch"
_FILES = "predict.batch_files"


def settle_batch(session: BrowserSession, taken: Taken, models: Sequence[Model]) -> Batch | None:
    """Return the batch of the photos that were given, begun if it is new; None without any.

    A page that was loaded again, or come back to, has no photos but knows of the batch.

    Raises:
        SourceRefused: There are too many photos.
        PetalscopeError: A model cannot answer.
    """
    if taken.is_fresh:
        st.session_state.pop(_FILES, None)
    batch = find_batch(read_choice(_BATCH))
    is_single = len(taken.photos) == 1 and not taken.archives
    before = st.session_state.get(_FILES, "")
    if is_single or (not taken.key and before):
        drop_batch()
        return None
    if taken.key and (batch is None or taken.key != before):
        if batch is not None:
            forget_batch(batch)
        if len(taken.photos) > MOST_PHOTOS:
            raise SourceRefused(
                f"{len(taken.photos):,} photos were given; {MOST_PHOTOS:,} are taken at once.",
                "Give fewer, or run “python -m core predict MODEL --dir FOLDER”.",
            )
        archives = [file.getvalue() for file in taken.archives]
        batch = start_batch(cache.workspace(), session, _open(models), taken.photos, archives)
        st.session_state[_FILES] = taken.key
    elif (
        batch is not None
        and batch.photos
        and [one.identity for one, _ in batch.models] != [one.identity for one in models]
    ):
        batch = ask_others(cache.workspace(), batch, _open(models))
    keep_choice(_BATCH, batch.id if batch is not None else None)
    return batch


def drop_batch() -> None:
    """Forget the batch of the link, and its photos."""
    batch = find_batch(read_choice(_BATCH))
    if batch is not None:
        forget_batch(batch)
    keep_choice(_BATCH, None)
    st.session_state.pop(_FILES, None)


def has_batch() -> bool:
    """Return whether the link, or this session, knows of a batch."""
    return read_choice(_BATCH) is not None


def show_head(batch: Batch) -> None:
    """Draw how far a batch is, or what came of it."""
    if not batch.ended.is_set():
        st.fragment(_watch, run_every="0.5s")(batch)
        return
    if batch.rows:
        show_summary(batch)
    if batch.error is not None:
        show_problem(batch.error.problem, batch.error.remedy)
    elif batch.done < batch.total:
        ended = "was stopped" if batch.stop.is_set() else "ended by a fault (see the server's log)"
        st.warning(
            f"It {ended} after {batch.done:,} of {count(batch.total, 'photo')}.",
            icon=":material/stop_circle:",
        )
    with st.container(horizontal=True):
        if batch.rows:
            _offer_csv(batch)
        again = st.button("Start over", icon=":material/restart_alt:", key="predict.start_over")
    if again:
        drop_batch()
        start_over()
        st.rerun()


def show_rows(batch: Batch, newest: int | None) -> None:
    """Draw the table and, beside it, the answer to the photo chosen in it, else to the newest."""
    if not batch.rows:
        return
    table, beside = st.columns([3, 2], gap="medium")
    with table:
        chosen = show_table(batch)
    with beside:
        place = newest if chosen is None else chosen
        if place is None or place >= len(batch.rows):
            st.info("Choose a row to see what the answer looked at.", icon=":material/touch_app:")
            return
        _show_row(batch, place)


def list_given(batch: Batch, newest: int | None) -> list[Photo]:
    """Return the photos of a batch that could be read; the one that came last, alone, is last."""
    read = [n for n, row in enumerate(batch.rows) if row.refusal is None]
    if newest in read:
        read = [*(n for n in read if n != newest), newest]
    return [Photo(batch.photos[n].read()) for n in read[-MOST_TAUGHT:]]


def _show_row(batch: Batch, place: int) -> None:
    given = batch.photos[place]
    st.caption(plain(given.name, 80))
    try:
        photo = Photo(given.read())
        for number, (model, _) in enumerate(batch.models):
            if len(batch.models) > 1:
                st.markdown(f"**{plain(model.label, 80)}**")
            show_answer(ask(batch.session, model, photo), key=f"predict.row.{number}")
    except PhotoRefused as refusal:
        show_problem(refusal.problem, refusal.remedy)


def _watch(batch: Batch) -> None:
    if batch.ended.is_set():
        st.rerun()  # the whole page: polling stops
    share = batch.done / batch.total if batch.total else 0.0
    seconds = batch.seconds_left()
    left = f", about {rough_duration(seconds)} left" if seconds is not None else ""
    reached = f"{batch.done:,} of {count(batch.total, 'photo')}" if batch.total else "…"
    st.progress(share, text=f"{batch.phase.capitalize()}: {reached}{left}")
    if batch.rows and (last := batch.rows[-1]).answers:
        st.caption(plain(f"{last.name}: {last.answers[0].sentence}"))
    if st.button("Stop", icon=":material/stop:", key="predict.stop"):
        batch.stop.set()


def _open(models: Sequence[Model]) -> list[tuple[Model, Predictor]]:
    return [(model, open_model(model)) for model in models]  # here: its errors belong to the page


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
    """Draw what came of the photos, in words."""
    photos = list(batch.rows)
    read = [photo for photo in photos if photo.refusal is None]
    st.subheader(f"{count(len(read), 'photo')} answered", anchor=False)
    for place, (model, _) in enumerate(batch.models):
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
    if not batch.is_logged:
        said.append("not all answers could be written down, and nothing can be said of those")
    if said:
        st.caption(f"{'; '.join(said).capitalize()}.")


def _offer_csv(batch: Batch) -> None:
    names = [model.name for model, _ in batch.models]
    offer_csv(
        "Table as CSV",
        partial(write_answers, batch.rows, names),
        f"answers_{'_'.join(names).replace(' ', '')}.csv",
        key="predict.csv",
        on_click="ignore",
    )


def show_table(batch: Batch) -> int | None:
    """Draw the rows, and a choice of which; returns the place of the one that was chosen."""
    photos = list(batch.rows)
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
    """Return how many photos got which answer, the most frequent first."""
    named = Counter(answer.class_name for answer in answers if answer.class_name)
    kinds = Counter(answer.kind for answer in answers)
    unlike, unsure = kinds["unlike"], kinds["unsure"]
    said = [f"{plain(name, 40)} {n:,}" for name, n in named.most_common(_CLASSES_SAID)]
    rest = len(named) - _CLASSES_SAID
    said += [f"{count(rest, 'more class')}"] * (rest > 0)
    said += [f"I don't know: {unlike + unsure:,}"] * bool(unlike + unsure)
    said[-1:] = [f"{said[-1]} ({unlike:,} like nothing in training)"] if unlike else said[-1:]
    return " · ".join(said) or "No answer."


def _make_table(batch: Batch, shown: Sequence[int]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows to draw and how their columns look; what matters most stands first."""
    rows = [batch.rows[place] for place in shown]
    table: dict[str, list[Any]] = {"Photo": [_read_thumbnail(batch, photo) for photo in rows]}
    columns: dict[str, Any] = {"Photo": st.column_config.ImageColumn("Photo", width=64)}
    for place, (model, _) in enumerate(batch.models):
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
    asked = batch.session.find(batch.models[0][0], photo.sha256)
    return data_uri(asked.thumbnail) if asked is not None else None
