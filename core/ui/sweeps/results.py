"""The sweeps of a dataset; the trials of one: numbers, pictures, and a table to make a run from.

Optuna is imported inside functions: the page server starts without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.colors import sample_colorscale

from core.charts.theme import choose_palette, figure_layout, format_share
from core.evaluation.intervals import wilson_interval
from core.formats import count, duration, interval, percent, percent_format
from core.runs.queue.queue import submit_run
from core.runs.recipe.plans import SETTING_NAMES, find_space, write_setting
from core.runs.store import RunRecord, list_studies
from core.runs.training.study import (
    Importance,
    TrialResult,
    make_study,
    read_importance,
    read_trials,
    sort_trials,
)
from core.ui.parts import cache
from core.ui.parts.charts import show_plot
from core.ui.parts.choosing import change_run, find_default
from core.ui.parts.frame import is_dark
from core.ui.parts.state import choose_from
from data.dataset import Dataset

_LEFT, _BELOW_TITLE = 56, 56


def draw_importance(importance: Importance, dark: bool = False) -> go.Figure:
    """Return a bar for each setting: the share of the differences that it explains."""
    colours, shares = choose_palette(dark), importance.shares
    names = [SETTING_NAMES[name] for name in shares]
    bars = go.Bar(
        x=list(shares.values()),
        y=names,
        orientation="h",
        text=[format_share(share) for share in shares.values()],
        textposition="outside",
        cliponaxis=False,
        marker={"color": [colours.accent] + [colours.faint] * (len(names) - 1)},
        hoverinfo="skip",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(autorange="reversed")
    title = f"{names[0].capitalize()} matters most ({importance.trials:,} trials)"
    return _style(figure, title, dark).update_layout(showlegend=False, margin_l=120)


def draw_parallel(trials: Sequence[TrialResult], dark: bool = False) -> go.Figure:
    """Return one line per trial through all its settings; the greener, the more accurate."""
    from optuna.visualization import plot_parallel_coordinate

    colours = choose_palette(dark)
    space = find_space(trials[0].recipe, list(trials[0].settings))
    titled = [
        replace(one, settings={SETTING_NAMES[name]: one.settings[name] for name in space})
        for one in sorted(trials, key=lambda one: one.accuracy)
    ]
    study = make_study(
        titled, {SETTING_NAMES[name]: space[name] for name in space}, seed=0, as_complete=True
    )
    figure = plot_parallel_coordinate(study, target_name="accuracy")
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    # By rank: a few failures must not take all the colours.
    ramp = sample_colorscale([colours.line, *colours.hits[1:]], np.linspace(0, 1, len(lines)))
    for line, colour in zip(lines, ramp, strict=True):
        line.line.color = colour
    figure.update_traces(opacity=0.8)
    figure.update_traces(visible=False, selector={"mode": "markers"})  # the colour bar
    figure.update_annotations(font={"color": colours.quiet, "size": 11})
    figure.update_shapes(line={"color": colours.line})
    figure.update_xaxes(side="top")
    title = "Settings of each trial: the greener, the more accurate"
    return _style(figure, title, dark).update_layout(height=380, hovermode="closest", margin_t=92)


def _style(figure: go.Figure, title: str, dark: bool) -> go.Figure:
    layout = figure_layout(dark)
    layout["title"]["text"] = title
    margin = {"l": _LEFT, "r": 32, "t": _BELOW_TITLE, "b": 40}
    figure.update_layout(template="none", **layout, height=270, margin=margin)
    return figure


STUDY = "sweep"
"""Parameter of the address: the chosen sweep."""


@dataclass(frozen=True, kw_only=True)
class SweepsPage:
    """The sweeps of a dataset, newest first, and the chosen one."""

    sweeps: dict[str, RunRecord]
    chosen: str | None
    """The sweep that the address names, else the one that is running."""


@dataclass(frozen=True, kw_only=True)
class SweepRun:
    """A sweep with its finished trials."""

    run: RunRecord
    trials: Sequence[TrialResult]
    importance: Importance | None
    """None before ten trials, or where no setting explains anything."""

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The trials, best first."""
        return sort_trials(self.trials)

    @property
    def n(self) -> int:
        """Validation photos."""
        return self.run.val_photos or 0


def read_sweeps(dataset: Dataset) -> SweepsPage:
    """Return the sweeps of a dataset."""
    sweeps = _list_sweeps(dataset.id)
    stated = choose_from(STUDY, sweeps | _list_sweeps(), "")
    running = find_default([sweep for sweep in sweeps.values() if not sweep.has_ended])
    return SweepsPage(
        sweeps=sweeps,
        chosen=stated if stated in sweeps else running.id if running else None,
    )


def read_sweep(run: RunRecord) -> SweepRun:
    """Return a sweep with its finished trials."""
    folder = cache.workspace().run_folder(run.id)
    known = read_importance(folder)
    explains = known is not None and any(known.shares.values())
    return SweepRun(run=run, trials=read_trials(folder), importance=known if explains else None)


def _list_sweeps(dataset_id: str | None = None) -> dict[str, RunRecord]:
    return {study.id: study for study in list_studies(cache.workspace(), dataset_id)}


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
        f"{known}Picking the best of {count(len(trials), 'trial')} inflates its accuracy: "
        "measure it on test photos, once."
    )


def _show_charts(sweep: SweepRun) -> None:
    if sweep.importance is None:
        st.caption("After ten trials, this page shows which settings matter.")
    else:
        shares = sweep.importance.shares.items()
        said = ", ".join(f"{SETTING_NAMES[name]} {share:.0%}" for name, share in shares)
        figure = draw_importance(sweep.importance, is_dark())
        show_plot(figure, f"importance.{sweep.run.id}", f"Importance: {said}")
    alt = "Settings and accuracy of each trial; the table below has the same numbers."
    figure = _draw(sweep.run.id, len(sweep.trials), is_dark(), sweep)
    show_plot(figure, f"parallel.{sweep.run.id}", alt)


@st.cache_data(max_entries=16, show_spinner=False)
def _draw(run_id: str, trials: int, dark: bool, _sweep: SweepRun) -> go.Figure:  # noqa: ARG001 (the key)
    return draw_parallel(_sweep.trials, dark)


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
    change_run(run.id)
    st.rerun()
