"""Many photos on the page: the batch that is going, then the table and the answer behind a row."""

from collections.abc import Sequence

import streamlit as st

from core.errors import PhotoRefused, SourceRefused
from core.formats import count, plain, rough_duration
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice, read_choice
from core.ui.predict.answer import show_answer
from core.ui.predict.batch import ask_others, find_batch, forget_batch, start_batch
from core.ui.predict.desk import Desk
from core.ui.predict.models import Model
from core.ui.predict.photos import Taken, start_over
from core.ui.predict.table import offer_csv, show_summary, show_table
from core.ui.predict.work import MOST_PHOTOS, Batch

_BATCH = "batch"
_FILES = "predict.batch_files"


def settle_batch(desk: Desk, taken: Taken, models: Sequence[Model]) -> Batch | None:
    """Returns the batch of the photos that were given, begun if it is new; None without any.

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
        batch = start_batch(desk, models, taken.photos, archives)
        st.session_state[_FILES] = taken.key
    elif batch is not None and batch.photos is not None and _are_others(batch, models):
        batch = ask_others(batch, models)
    keep_choice(_BATCH, batch.id if batch is not None else None)
    return batch


def drop_batch() -> None:
    """Forgets the batch of the link, and its photos."""
    batch = find_batch(read_choice(_BATCH))
    if batch is not None:
        forget_batch(batch)
    keep_choice(_BATCH, None)
    st.session_state.pop(_FILES, None)


def has_batch() -> bool:
    """Returns whether the link, or this session, knows of a batch."""
    return read_choice(_BATCH) is not None


def show_head(batch: Batch) -> None:
    """Draws how far a batch is, or what came of it."""
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
            offer_csv(batch)
        again = st.button("Start over", icon=":material/restart_alt:", key="predict.start_over")
    if again:
        drop_batch()
        start_over()
        st.rerun()


def show_rows(batch: Batch, newest: int | None) -> None:
    """Draws the table and, beside it, the answer to the photo that was chosen in it.

    Args:
        batch: One that has ended.
        newest: Place of the photo that came last, alone; it is shown as long as none is chosen.
    """
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


def _show_row(batch: Batch, place: int) -> None:
    row = batch.rows[place]
    st.caption(plain(row.photo.name, 80))
    try:
        content = row.read()
        for number, model in enumerate(batch.models):
            if len(batch.models) > 1:
                st.markdown(f"**{plain(model.label, 80)}**")
            show_answer(batch.desk, model, content, key=f"predict.row.{number}")
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
    if batch.rows and batch.rows[-1].photo.answers:
        st.caption(
            plain(f"{batch.rows[-1].photo.name}: {batch.rows[-1].photo.answers[0].sentence}")
        )
    if st.button("Stop", icon=":material/stop:", key="predict.stop"):
        batch.stop.set()


def _are_others(batch: Batch, models: Sequence[Model]) -> bool:
    asked = [model.identity for model in batch.models]
    return asked != [model.identity for model in models]
