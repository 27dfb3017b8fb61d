"""The run in large type, for a room: numbers, curves and what they say, nothing else."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.formats import duration, percent, plain
from core.runs.events import curve
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord, read_run
from core.ui.parts import cache
from core.ui.parts.frame import is_dark
from core.ui.parts.live_state import describe_phase, seconds_left
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import title_run
from core.ui.training.curves_lines import Look
from core.ui.training.curves_numbers import BigNumber, draw_numbers
from core.ui.training.live import choose_run
from core.ui.training.live_curves import draw_figures, judge

_PRESENT = "present"
_LARGE = Look(large=True)
_NO_BAR = {"displayModeBar": False}


def show_presentation() -> None:
    """Draws the chosen run in large type, and the way back."""
    run = choose_run()
    if run is None:
        st.title("No run yet", anchor=False)
        _show_way_back()
        return
    going = not run.has_ended
    st.fragment(_show_run, run_every="1s" if going else None)(run.id, going)
    _show_way_back()


def _show_run(run_id: str, was_going: bool) -> None:
    with report_errors():
        run = read_run(cache.workspace(), run_id)
        if was_going == run.has_ended:
            st.rerun()
        if not run.has_ended:
            ensure_scheduler(cache.workspace())
        _draw(run, curve(cache.event_tail(run_id).read()))


def _draw(run: RunRecord, epochs: Sequence[dict[str, Any]]) -> None:
    st.title(plain(title_run(run), 60), anchor=False)
    numbers = _list_numbers(run, epochs)
    st.plotly_chart(
        draw_numbers(numbers, is_dark()),
        theme=None,
        key="present.numbers",
        config={**_NO_BAR, "staticPlot": True},
        alt=", ".join(f"{number.label}: {number.text}" for number in numbers),
    )
    said = judge(run, epochs)
    if epochs:
        st.header(said.sentence, anchor=False)
    st.plotly_chart(
        draw_figures(run, epochs, (), _LARGE)[0],
        theme=None,
        key="present.curves",
        config=_NO_BAR,
        alt="Loss and accuracy per epoch, for training and validation photos.",
    )
    if said.gap_sentence:
        st.subheader(said.gap_sentence, anchor=False)


def _list_numbers(run: RunRecord, epochs: Sequence[dict[str, Any]]) -> list[BigNumber]:
    if not epochs:
        return [BigNumber("Now", describe_phase(run).rstrip(" …"))]
    last = epochs[-1]
    n = run.val_photos or 0
    numbers = [BigNumber("Epoch", f"{last['epoch']} / {run.recipe.epochs}")]
    if run.best_val_accuracy is not None:
        best = percent(run.best_val_accuracy, n)
        numbers.append(BigNumber(f"Validation, epoch {run.best_epoch}", best, "validation"))
    numbers.append(
        BigNumber(f"Training, epoch {last['epoch']}", percent(last["accuracy"], n), "train")
    )
    if run.is_going:
        numbers.append(BigNumber("Time left", duration(seconds_left(run, epochs))))
    else:
        numbers.append(BigNumber("Time", duration(sum(epoch["seconds"] for epoch in epochs))))
        if run.state != "done":
            numbers.append(BigNumber("Now", run.state))
    return numbers


def _show_way_back() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Leave full screen",
            icon=":material/fullscreen_exit:",
            type="tertiary",
            on_click=_leave,
        )
        st.caption("F11 lets the browser fill the screen, too.")


def _leave() -> None:
    st.query_params.pop(_PRESENT, None)
