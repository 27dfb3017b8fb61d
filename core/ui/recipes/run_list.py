"""The list of runs on the overview and below the training form: newest first, live."""

import pandas as pd
import streamlit as st

from core.formats import duration, moment, percent_format
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.choosing import change_run
from core.ui.parts.messages import report_errors
from core.ui.parts.state import choose_by_row
from data.manifest import list_datasets

_OPENED = "runs.opened"
"""Whether a click on a row of the list has just opened its run."""


def show_runs(*, choosable: bool = False) -> None:
    """Draw the runs, newest first; when choosable, a click on a row opens that run above.

    It is a fragment: it looks at the runs again every two seconds while one goes.
    """
    going = _is_any_going(list_runs(cache.workspace()))
    st.fragment(_show_runs, run_every="2s" if going else None)(going, choosable)


def _show_runs(was_going: bool, choosable: bool) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        runs = list_runs(cache.workspace())
        if was_going and not _is_any_going(runs):
            st.rerun()  # the whole page: polling stops
        _show_list(runs, choosable)
        if st.session_state.pop(_OPENED, False):
            st.rerun()  # the whole page: the run is drawn above the list


def _is_any_going(runs: list[RunRecord]) -> bool:
    return any(not run.has_ended and run.state != "paused" for run in runs)


def _show_list(runs: list[RunRecord], choosable: bool) -> None:
    if not runs:
        st.caption(
            "None yet: every run you train is listed here with its best validation accuracy."
        )
        return
    form = percent_format(min((run.val_photos or 0 for run in runs), default=0))
    names = {entry.id: entry.name for entry in list_datasets(cache.workspace())}
    st.session_state["runs.listed"] = [run.id for run in runs]
    st.dataframe(
        pd.DataFrame([_describe(run, names) for run in runs]),
        hide_index=True,
        column_config={
            "State": st.column_config.TextColumn(width=100),
            "Validation accuracy": st.column_config.NumberColumn(format=form),
            "n": st.column_config.NumberColumn(help="Validation photos behind the accuracy."),
        },
        placeholder="",
        alt="Runs of this workspace",
        **(choose_by_row("runs.table", _open_listed) if choosable else {}),
    )


def _describe(run: RunRecord, names: dict[str, str]) -> dict[str, object]:
    took = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    accuracy = None if run.best_val_accuracy is None else 100 * run.best_val_accuracy
    return {
        "Run": run.number,
        "Name": "" if run.name == f"Run {run.number}" else run.name,
        "Dataset": names.get(run.recipe.dataset, run.recipe.dataset),
        "State": "stopped" if run.stopped else run.state,
        "Validation accuracy": accuracy,
        "n": run.val_photos,
        "Best epoch": run.best_epoch,
        "Weights": run.recipe.weights,
        "Hidden": " → ".join(map(str, run.recipe.hidden)) or "linear",
        "Learning rate": run.recipe.learning_rate,
        "Took": duration(took) if took is not None else "",
        "Created": moment(run.created),
    }


def _open_listed(row: int | None) -> None:
    if row is not None:
        change_run(st.session_state["runs.listed"][row])
        st.session_state[_OPENED] = True
