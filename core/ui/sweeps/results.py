"""What the trials of a sweep say: the best, the way there, what mattered, and a run made of one."""

import pandas as pd
import streamlit as st

from core.evaluation.intervals import wilson_interval
from core.formats import count, duration, interval, percent, percent_format
from core.runs.queue.queue import submit_run
from core.runs.queue.starting import ensure_scheduler
from core.runs.recipe.plans import (
    SETTING_NAMES,
    Choices,
    NumberRange,
    Value,
    find_space,
    write_setting,
)
from core.runs.store import RunRecord
from core.runs.training.study_results import TrialResult
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart, show_plot
from core.ui.parts.choosing import change_run
from core.ui.parts.frame import is_dark
from core.ui.sweeps.charts import draw_history, draw_importance, draw_parallel
from core.ui.sweeps.reading import SweepRun

_FEW = 4
"""Trials from which the charts say something."""


def show_trials(sweep: SweepRun) -> None:
    """Draw the trials that ended: numbers, charts, and the table to make a run from."""
    _show_numbers(sweep)
    if len(sweep.trials) >= _FEW:
        history, importance = st.columns(2, gap="medium")
        with history:
            _show_history(sweep)
        with importance:
            _show_importance(sweep)
        _show_parallel(sweep)
        st.caption("Drag along an axis to keep only the trials that pass there; click it to undo.")
    _show_table(sweep)


def _show_numbers(sweep: SweepRun) -> None:
    trials, best, n = sweep.trials, sweep.best, sweep.n
    pruned = sum(trial.pruned for trial in trials)
    # Sweeps of older versions moved the settings of the recipe into theirs.
    is_recipe = trials[0].recipe == sweep.run.recipe
    with st.container(horizontal=True, gap="large"):
        gain = best.accuracy - trials[0].accuracy
        st.metric(
            "Best validation accuracy",
            percent(best.accuracy, n),
            delta=f"{100 * gain:+.1f} points" if gain else None,
            help="The difference is to the first trial, the recipe that the sweep started from."
            if is_recipe
            else "The difference is to the first trial.",
            width="content",
        )
        st.metric("Best trial", f"{best.number} of {len(trials)}", width="content")
        st.metric("Ended early", f"{pruned}", width="content")
        spent = sum(trial.seconds for trial in trials)
        st.metric("Trials took", duration(spent), width="content")
    sure = ""
    if n:
        low, high = wilson_interval(round(best.accuracy * n), n)
        sure = f"Best trial: {interval(low, high, n)}. "
    st.caption(
        f"{sure}The best of {count(len(trials), 'trial')} on the "
        "same validation photos looks a little better than it is: only test photos, which no "
        "sweep ever sees, tell how good it is."
    )


def _show_history(sweep: SweepRun) -> None:
    trials = sweep.trials
    rows = [(trial.number, trial.accuracy, trial.pruned) for trial in trials]
    table = pd.DataFrame(rows, columns=["trial", "accuracy", "pruned"])
    table["best"] = table["accuracy"].cummax()
    show_kept_chart(
        draw_history,
        table,
        alt="Validation accuracy of each trial; the same numbers stand in the table below.",
    )


def _show_importance(sweep: SweepRun) -> None:
    explained = sweep.importance
    if explained is None:
        st.caption("What matters shows after ten trials.")
        return
    shares = {SETTING_NAMES[name]: share for name, share in explained.shares.items()}
    show_kept_chart(
        draw_importance,
        shares,
        explained.trials,
        alt="Importance: "
        + ", ".join(f"{name} {100 * share:.0f} percent" for name, share in shares.items()),
    )


def _show_parallel(sweep: SweepRun) -> None:
    trials = sweep.trials
    space = find_space(trials[0].recipe, list(trials[0].settings))
    figure = draw_parallel(
        pd.DataFrame(
            [{name: _say(value) for name, value in trial.settings.items()} for trial in trials]
        ).rename(columns=SETTING_NAMES),
        [trial.accuracy for trial in trials],
        logarithmic=[
            SETTING_NAMES[name]
            for name, one in space.items()
            if isinstance(one, NumberRange) and one.step is None
        ],
        choices={
            SETTING_NAMES[name]: [_say(value) for value in one.values]
            for name, one in space.items()
            if isinstance(one, Choices)
        },
        dark=is_dark(),
    )
    alt = "Settings and accuracy of each trial, a line each; the table below says the same."
    show_plot(figure, f"parallel.{sweep.run.id}", alt)


def _say(value: Value) -> Value:
    """Return a choice as people read it; numbers stay numbers, for their axes."""
    return write_setting(value) if isinstance(value, str) else value


def _show_table(sweep: SweepRun) -> None:
    run, best = sweep.run, sweep.best
    shown = sweep.ranked if run.has_ended else sweep.trials
    # While trials are added they keep their order: the row that was chosen stays the same.
    columns: dict[str, list[object]] = {
        "trial": [trial.number for trial in shown],
        "accuracy": [100 * trial.accuracy for trial in shown],
        "loss": [trial.loss for trial in shown],
        "best epoch": [f"{trial.best_epoch} of {len(trial.val_loss)}" for trial in shown],
    }
    for name in best.settings:
        columns[SETTING_NAMES[name]] = [write_setting(trial.settings[name]) for trial in shown]
    columns["ended"] = ["early" if trial.pruned else "" for trial in shown]
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
    words = f"trial {trial.number}" if rows else f"the best one (trial {trial.number})"
    if cache.edit_button(
        f"Train {words} as a run",
        type="primary",
        icon=":material/play_arrow:",
        help="The same recipe, with all its epochs: it reaches the numbers of the trial, and its "
        "scores, confusions and model are kept.",
        key=f"sweep.train.{run.id}",
    ):
        _train(run, trial)


def _train(sweep: RunRecord, trial: TrialResult) -> None:
    name = f"{sweep.name}, trial {trial.number}"
    run, _ = submit_run(cache.workspace(), trial.recipe, name)
    ensure_scheduler(cache.workspace())
    change_run(run.id)
    st.rerun()
