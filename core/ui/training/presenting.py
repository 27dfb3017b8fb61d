"""The run in large type, for a room: numbers, curves and what they say, nothing else."""

import streamlit as st

from core.formats import duration, percent, plain
from core.runs.store import RunRecord
from core.ui.parts.frame import is_dark
from core.ui.parts.live_state import describe_phase, follow_run, seconds_left
from core.ui.parts.pickers import title_run
from core.ui.training.charts import Look
from core.ui.training.curves import draw_figures
from core.ui.training.machine_charts import BigNumber, draw_numbers
from core.ui.training.reading import MISSING, WatchedRun, read_choice_of_run, read_watched

_PRESENT = "present"
_LARGE = Look(large=True)
_NO_BAR = {"displayModeBar": False}


def show_presentation() -> None:
    """Draw the chosen run in large type, and the way back."""
    run, is_missing = read_choice_of_run()
    if is_missing:
        st.caption(MISSING)
    if run is None:
        st.title("No run yet", anchor=False)
    else:
        follow_run(run, _draw)
    _show_way_back()


def _draw(run: RunRecord) -> None:
    watched = read_watched(run)
    st.title(plain(title_run(run), 60), anchor=False)
    numbers = _list_numbers(watched)
    st.plotly_chart(
        draw_numbers(numbers, is_dark()),
        theme=None,
        key="present.numbers",
        config={**_NO_BAR, "staticPlot": True},
        alt=", ".join(f"{number.label}: {number.text}" for number in numbers),
    )
    said = watched.learning
    if watched.epochs:
        st.header(said.sentence, anchor=False)
    st.plotly_chart(
        draw_figures(watched, (), _LARGE)[0],
        theme=None,
        key="present.curves",
        config=_NO_BAR,
        alt="Loss and accuracy per epoch, for training and validation photos.",
    )
    if said.gap_sentence:
        st.subheader(said.gap_sentence, anchor=False)


def _list_numbers(watched: WatchedRun) -> list[BigNumber]:
    run, epochs = watched.run, watched.epochs
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
