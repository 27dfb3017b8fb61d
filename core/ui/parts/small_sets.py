"""What is said of a run with few validation photos of a class: a warning, a better estimate."""

import streamlit as st

from core.errors import PetalscopeError
from core.evaluation.cross_validation import CrossValidation
from core.formats import plain
from core.prediction.nearest import read_cross_validation
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.runs.training.cross_validating import (
    read_cross_validation_job,
    say_unfit,
    start_cross_validation,
)
from core.ui.parts import cache

_EVERY_S = "2s"


def show_small_set(run: RunRecord, split: str = "validation", *, classes: bool = False) -> None:
    """Draw the warning and the estimate, where some class has few photos in a split."""
    try:
        result = cache.result(run.id)
    except PetalscopeError:  # its result or dataset is gone: what else there is is still shown
        return
    warning = "" if split == "train" else result.warn_of_few(split)
    found = read_cross_validation(cache.workspace(), run.id, result)
    is_wanted = split == "validation" and bool(warning)
    if warning:
        st.markdown(f":orange[:material/data_alert: {plain(warning)}]")
    if is_wanted and found is not None:
        st.markdown(f":material/cycle: **{plain(found.figure)}**", help=found.method)
        if classes and found.accuracy.n:
            _show_classes(found)
    elif is_wanted:
        _offer(run, result)


def read_left_out(run_id: str, split: str, result: RunResult) -> CrossValidation | None:
    """Return what stands in place of a few validation photos; None of another split, or without."""
    if split != "validation":
        return None
    return read_cross_validation(cache.workspace(), run_id, result)


def say_recall(run_id: str, split: str, result: RunResult, number: int) -> str:
    """Return the cross-validated recall of a class whose photos in the split are too few; or ""."""
    found = read_left_out(run_id, split, result)
    photos = int((result.labels[result.photo_numbers(split)] == number).sum())
    return "" if found is None else found.say_recall(number, photos)


def _show_classes(found: CrossValidation) -> None:
    table = found.per_class.copy()
    shares = ["recall", "recall_low", "recall_high"]
    table[shares] = 100 * table[shares]
    number = st.column_config.NumberColumn
    with st.expander("Each class, cross-validated", icon=":material/table_rows:"):
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                "class": "Class",
                "support": number("n", format="localized", help="Photos that were left out."),
                "recall": number("Recall", format="%.0f %%"),
                "recall_low": number("95 % from", format="%.0f %%"),
                "recall_high": number("to", format="%.0f %%"),
            },
            alt="Recall of each class with its 95 % interval, by heads that left photos out",
        )


def _offer(run: RunRecord, result: RunResult) -> None:
    """Draw why there is no estimate, or how far it is, or the way to it."""
    unfit = say_unfit(run, result)
    if unfit:
        st.caption(unfit)
        return
    job = read_cross_validation_job(cache.workspace(), run.id)
    if job is not None and job.state == "going":
        _follow(run.id)
        return
    if job is not None and job.state == "failed":
        st.caption(f":orange[{plain(job.problem)}] {plain(job.remedy)}")
    st.button(
        "Cross-validate",
        icon=":material/cycle:",
        key=f"cross_validate.{run.id}",
        on_click=lambda: start_cross_validation(cache.workspace(), run.id),
        help="Trains heads like this one that leave out a fifth of the train and validation photos "
        "each: seconds, and every photo is judged.",
    )


@st.fragment(run_every=_EVERY_S)
def _follow(run_id: str) -> None:
    job = read_cross_validation_job(cache.workspace(), run_id)
    if job is None or job.state != "going":
        st.rerun()
    share = job.done / job.total if job.total else 0.0
    st.progress(share, "Cross-validating: training heads that leave photos out …")
