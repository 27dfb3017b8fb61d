"""The predict page: photos in, answers out, by one model or two side by side."""

from collections.abc import Sequence

import streamlit as st

from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.messages import report_errors, show_told
from core.ui.parts.state import name_browser
from core.ui.predict.answer import show_answer
from core.ui.predict.choice import pick_models
from core.ui.predict.desk import Desk, ask, open_desk
from core.ui.predict.many import (
    drop_batch,
    has_batch,
    settle_batch,
    show_head,
    show_rows,
)
from core.ui.predict.models import Model, forget_predictions, settle_model
from core.ui.predict.photos import start_over, take_photos
from core.ui.predict.privacy import show_privacy_line

_NAMED = 8


def show_predicting() -> None:
    """Draws the ways to give photos, the choice of models, and what they answer."""
    show_told()
    question, beside = st.columns([2, 3], gap="medium")
    desk = open_desk(name_browser())
    _clear_on_request(desk)
    with question:
        taken = take_photos()
        desk.take(taken.key)
        models = pick_models()
        if not taken.key:
            show_privacy_line()
    batch, is_single = None, False
    with beside, report_errors():
        if taken.key or has_batch():
            models = [settle_model(model) for model in models]
            batch = settle_batch(desk, taken, models)
        if batch is not None:
            show_head(batch)
        elif not taken.photos:
            _show_waiting(models[0])
        elif len(models) == 1:
            show_answer(desk, models[0], taken.photos[0].read(), key="predict.only")
        else:
            _show_agreement(desk, models, taken.photos[0].read())
            is_single = True
    with report_errors():
        if batch is not None and batch.ended.is_set():
            show_rows(batch, taken.newest)
        elif is_single:
            _show_both(desk, models, taken.photos[0].read())
    if taken.key:  # the answers stand as high as they can: a phone shows little at a time
        show_privacy_line()


def _clear_on_request(desk: Desk) -> None:
    """Begins anew where a person had all deleted: nothing stays here, or is written again."""
    if desk.was_cleared():
        drop_batch()
        start_over()
        forget_predictions()
        desk.answers.clear()


def _show_waiting(model: Model) -> None:
    """Draws that there is no photo yet, and what the model knows."""
    known = _list_classes(model)
    with st.container(border=True):
        st.subheader("No photo yet", anchor=False)
        names = ", ".join(plain(name) for name in known[:_NAMED])
        rest = len(known) - _NAMED
        st.write(
            "Choose, drop, paste or take one; many at once make a table. "
            f"This model knows {names}" + (f" and {rest} more." if rest > 0 else ".")
        )


def _show_agreement(desk: Desk, models: Sequence[Model], content: bytes) -> None:
    """Draws the photo, and whether both models say the same of it."""
    short = [ask(desk, model, content)[1].short for model in models]
    same = short[0].class_name == short[1].class_name and short[0].kind == short[1].kind
    with st.container(border=True):
        st.subheader("Both say the same" if same else "They differ", anchor=False)
        for model, answer in zip(models, short, strict=True):
            st.markdown(f"**{plain(model.label, 80)}**: {plain(answer.sentence)}")


def _show_both(desk: Desk, models: Sequence[Model], content: bytes) -> None:
    for place, (column, model) in enumerate(zip(st.columns(2, gap="large"), models, strict=True)):
        with column, st.container(border=True):
            st.caption(plain(model.label, 80))
            show_answer(desk, model, content, key=f"predict.side.{place}")


def _list_classes(model: Model) -> Sequence[str]:
    return (
        model.version.classes if model.version is not None else cache.result(model.run_id).classes
    )
