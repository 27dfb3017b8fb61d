"""A run with few validation photos of a class: a warning, and the leave-one-out accuracy."""

import streamlit as st

from core.errors import PetalscopeError
from core.exact.left_out import FEW, METHOD, LeftOut, leave_out
from core.formats import plain
from core.runs.result import RunResult
from core.runs.store import RunRecord, read_run
from core.ui.parts import cache


def show_small_set(run: RunRecord, split: str = "validation", *, classes: bool = False) -> None:
    """Draw the warning and the estimate, where a class has few photos in a split."""
    try:
        result = cache.result(run.id)
    except PetalscopeError:  # its result or dataset is gone: the rest of the page is still drawn
        return
    warning = "" if split == "train" else result.warn_of_few(split)
    if not warning:
        return
    st.markdown(f":orange[:material/data_alert: {plain(warning)}]")
    found = _leave_out(run.id) if split == "validation" else None
    if found is not None:
        st.markdown(f":material/cycle: {found.figure}", help=METHOD)
        if classes:
            _show_classes(found)


def say_recall(run_id: str, split: str, result: RunResult, number: int) -> str:
    """Return the leave-one-out recall of a class with too few validation photos; or ""."""
    photos = int((result.labels[result.photo_numbers(split)] == number).sum())
    found = _leave_out(run_id) if split == "validation" and photos <= FEW else None
    return "" if found is None else found.say_recall(number, photos)


@cache.cached_by(cache.result_key, most=8, wait="Leaving each training photo out …")
def _leave_out(run_id: str) -> LeftOut | None:
    tuned = read_run(cache.workspace(), run_id).recipe.trained_stages > 0
    return leave_out(cache.workspace(), cache.result(run_id), tuned=tuned)


def _show_classes(found: LeftOut) -> None:
    table = found.per_class.copy()
    shares = ["recall", "recall_low", "recall_high"]
    table[shares] = 100 * table[shares]
    number = st.column_config.NumberColumn
    with st.expander("Each class, leave-one-out", icon=":material/table_rows:"):
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                "class": "Class",
                "support": number("n", format="localized", help="Training photos."),
                "recall": number("Recall", format="%.0f %%"),
                "recall_low": number("95 % from", format="%.0f %%"),
                "recall_high": number("to", format="%.0f %%"),
            },
            alt="Leave-one-out recall of each class with its 95 % interval, by the exact head",
        )
