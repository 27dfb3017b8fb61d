"""The trials of a sweep: numbers, pictures, and a table to make a run from."""

import pandas as pd
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.formats import count, duration, interval, percent, percent_format
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import SETTING_NAMES, write_setting
from core.runs.store import RunRecord
from core.runs.training.study import TrialResult
from core.ui.parts import cache
from core.ui.parts.charts import show_plot
from core.ui.parts.choosing import change_run
from core.ui.parts.frame import is_dark
from core.ui.sweeps.charts import draw_history, draw_importance, draw_parallel
from core.ui.sweeps.reading import SweepRun

_FEW = 4
"""Trials from which the charts say something."""


def show_trials(sweep: SweepRun) -> None:
    """Draw the finished trials: numbers, charts, and the table to make a run from."""
    _show_numbers(sweep)
    if len(sweep.trials) >= _FEW:
        _show_charts(sweep)
    _show_table(sweep)


def _show_numbers(sweep: SweepRun) -> None:
    trials, best, n = sweep.trials, sweep.ranked[0], sweep.n
    gain = best.accuracy - trials[0].accuracy
    figures = {
        "Best trial": f"{best.number} of {len(trials)}",
        "Stopped early": f"{sum(trial.pruned for trial in trials)}",
        "Time of all trials": duration(sum(trial.seconds for trial in trials)),
    }
    with st.container(horizontal=True, gap="large"):
        st.metric(
            "Best validation accuracy",
            percent(best.accuracy, n),
            delta=f"{100 * gain:+.1f} points" if gain else None,
            help="The difference is to the first trial.",
            width="content",
        )
        for label, value in figures.items():
            st.metric(label, value, width="content")
    known = ""
    if n:
        low, high = wilson_interval(round(best.accuracy * n), n)
        known = f"Best trial: {interval(low, high, n)}. "
    st.caption(
        f"{known}Picking the best of {count(len(trials), 'trial')} inflates its accuracy; "
        "only the test photos give a fair one."
    )


def _show_charts(sweep: SweepRun) -> None:
    history, importance = st.columns(2, gap="medium")
    drawn = _draw(sweep.run.id, len(sweep.trials), is_dark(), sweep)
    with history:
        alt = "Validation accuracy of each trial; the table below has the same numbers."
        show_plot(drawn[0], f"history.{sweep.run.id}", alt)
    with importance:
        if sweep.importance is None:
            st.caption("After ten trials, this page shows which settings matter.")
        else:
            shares = sweep.importance.shares.items()
            said = ", ".join(f"{SETTING_NAMES[name]} {share:.0%}" for name, share in shares)
            figure = draw_importance(sweep.importance, is_dark())
            show_plot(figure, f"importance.{sweep.run.id}", f"Importance: {said}")
    alt = "Settings and accuracy of each trial; the table below has the same numbers."
    show_plot(drawn[1], f"parallel.{sweep.run.id}", alt)


@st.cache_data(max_entries=16, show_spinner=False)
def _draw(run_id: str, trials: int, dark: bool, _sweep: SweepRun) -> tuple[object, object]:  # noqa: ARG001 (the key)
    return draw_history(_sweep.trials, dark), draw_parallel(_sweep.trials, dark)


def _show_table(sweep: SweepRun) -> None:
    run, best = sweep.run, sweep.ranked[0]
    # A running sweep keeps the order of its trials: the chosen row stays the same.
    shown = sweep.ranked if run.has_ended else sweep.trials
    columns: dict[str, list[object]] = {
        "trial": [trial.number for trial in shown],
        "accuracy": [100 * trial.accuracy for trial in shown],
        "loss": [trial.loss for trial in shown],
        "best epoch": [f"{trial.best_epoch} of {len(trial.val_loss)}" for trial in shown],
    }
    for name in best.settings:
        columns[SETTING_NAMES[name]] = [write_setting(trial.settings[name]) for trial in shown]
    columns["stopped"] = ["early" if trial.pruned else "" for trial in shown]
    columns["seconds"] = [trial.seconds for trial in shown]
    picked = st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=250,
        column_config={
            "accuracy": st.column_config.NumberColumn("accuracy", format=percent_format(sweep.n)),
            "loss": st.column_config.NumberColumn("loss", format="%.3f"),
            "seconds": st.column_config.NumberColumn("seconds", format="%.1f"),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"sweep.trials.{run.id}.{run.has_ended}",
        alt="Trials of the sweep with their settings",
    )
    rows = [row for row in picked.selection.rows if row < len(shown)]
    trial = shown[rows[0]] if rows else best
    words = f"trial {trial.number}" if rows else f"the best trial ({trial.number})"
    if cache.edit_button(
        f"Train {words} as a run",
        type="primary",
        icon=":material/play_arrow:",
        help="Trains the same recipe for all its epochs and stores its scores and model.",
        key=f"sweep.train.{run.id}",
    ):
        _train(run, trial)


def _train(sweep: RunRecord, trial: TrialResult) -> None:
    name = f"{sweep.name}, trial {trial.number}"
    run, _ = submit_run(cache.workspace(), trial.recipe, name)
    ensure_scheduler(cache.workspace())
    change_run(run.id)
    st.rerun()
