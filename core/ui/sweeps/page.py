"""Sweeps on the training page: start one from the recipe of the form, watch it, stop it."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import RecipeRefused
from core.formats import count, duration, ordinal, percent, plain, rough_duration
from core.runs.queue.control import pause_run
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import delete_run, read_place, request_stop, retry_run, submit_run
from core.runs.recipe.plans import (
    MAY_VARY,
    MOST_MINUTES,
    MOST_TRIALS,
    SETTING_NAMES,
    SWEPT,
    SweepPlan,
    check_epochs,
)
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord
from core.runs.training.study import TrialResult
from core.ui.parts import cache
from core.ui.parts.live_state import follow_run, show_badge
from core.ui.parts.messages import show_problem
from core.ui.parts.pickers import pick_named
from core.ui.parts.state import bind_choice, keep_choice
from core.ui.sweeps.results import STUDY, read_sweep, read_sweeps, show_trials
from core.workspace import Workspace
from data.dataset import Dataset


def show_sweeps(dataset: Dataset, recipe: Recipe | None) -> None:
    """Draw the start of a sweep and the sweeps of the dataset.

    Args:
        recipe: The recipe of the form; None while it cannot be trained.
    """
    page = read_sweeps(dataset)
    st.subheader("Sweeps", anchor=False)
    st.caption("Trains the recipe above many times with other settings, to see which ones matter.")
    if not cache.workspace().read_only:
        with st.container(border=True):
            _show_start(dataset, recipe)
    if page.sweeps:
        sweeps = page.sweeps
        pick_named(
            "Sweep",
            {name: _title(one) for name, one in sweeps.items()},
            index=None,
            placeholder=f"Show one of {count(len(sweeps), 'sweep')}",
            label_visibility="collapsed",
            **bind_choice(STUDY, page.chosen, key=f"picker.{STUDY}"),
        )
        if page.chosen is not None:
            follow_run(sweeps[page.chosen], _show_sweep, every="3s")
    else:
        st.caption("No sweep yet. The best trial of a sweep becomes a run with one click.")


def _show_start(dataset: Dataset, recipe: Recipe | None) -> None:
    vary = st.multiselect(
        "Vary",
        MAY_VARY,
        default=SWEPT,
        format_func=lambda name: SETTING_NAMES[name].capitalize(),
        key="training.vary",
        help="All other settings stay as in the recipe above.",
    )
    until, amount, middle, right = st.columns(
        [1.3, 1, 1, 2], gap="medium", vertical_alignment="bottom"
    )
    end = until.segmented_control(
        "Stop after",
        ("Trials", "Minutes"),
        default="Trials",
        key="training.sweep_ends",
        required=True,
        help="When the time is over, the running trial still finishes.",
    )
    trials, minutes = MOST_TRIALS, None
    if end == "Minutes":
        minutes = int(amount.number_input(end, 1, MOST_MINUTES, 30, key="training.minutes"))
    else:
        trials = int(
            amount.number_input("Trials", 1, MOST_TRIALS, 100, step=10, key="training.trials")
        )
    seed = middle.number_input(
        "Seed", 0, 10_000, 0, key="training.sweep_seed", help="The same seed tries the same trials."
    )
    problem = _find_problem(recipe, vary)
    start = right.button(
        "Start the sweep",
        icon=":material/tune:",
        width="stretch",
        disabled=bool(problem),
        key="training.start_sweep",
    )
    if recipe is None or problem:
        st.caption(problem)
        return
    ordered = tuple(name for name in MAY_VARY if name in vary)  # clicked in any order
    plan = SweepPlan(trials=trials, vary=ordered, seed=int(seed), minutes=minutes)
    st.caption(_describe(dataset, recipe, plan))
    if start:
        study, _ = submit_run(cache.workspace(), recipe, dataset.name, plan=plan)
        keep_choice(STUDY, study.id)
        st.rerun()


def _find_problem(recipe: Recipe | None, vary: Sequence[str]) -> str:
    """Return why the recipe cannot start a sweep; empty where it can."""
    if recipe is None:
        return "The recipe above cannot be trained yet."
    try:
        check_epochs(recipe)
    except RecipeRefused as error:
        return f"{error.problem} {error.remedy}"
    return "" if vary else "Choose at least one setting to vary."


def _describe(dataset: Dataset, recipe: Recipe, plan: SweepPlan) -> str:
    """Return what the sweep will do, and how long a trial of the recipe takes."""
    expected = estimate_run(cache.workspace(), recipe, dataset)
    time = f", about {rough_duration(expected.seconds)}" if expected else ""
    costly = ""
    if "strategy" in plan.vary or recipe.trained_stages:
        costly = " **Where stages of the backbone learn, a trial takes minutes or more.**"
    return (
        f"Up to {count(recipe.epochs, 'epoch')} per trial{time}. The first trial is the recipe "
        f"above; trials below the median are stopped early.{costly}"
    )


def _title(sweep: RunRecord) -> str:
    assert sweep.plan is not None
    best = ""
    if sweep.best_val_accuracy is not None:
        best = f" · best {percent(sweep.best_val_accuracy, sweep.val_photos or 0)}"
    return f"Sweep {sweep.number} · {sweep.name} · {sweep.plan.size}{best}"


def _show_sweep(sweep: RunRecord) -> None:
    shown = read_sweep(sweep)
    stopped = sweep.stopped and sweep.state == "done"
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(_title(sweep), 60)}**", width="content")
            show_badge(sweep)
            if sweep.state in ("paused", "failed", "lost") or stopped:
                _press("Resume", "resume", retry_run, sweep)
            if sweep.state in ("queued", "starting", "running"):
                _press("Stop", "stop", request_stop, sweep)
                _press("Pause", "pause", pause_run, sweep)
            if not (sweep.is_going or cache.workspace().read_only):
                with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                    st.caption("Its trials are deleted; runs made from them stay.")
                    _press("Delete the sweep", "delete_forever", delete_run, sweep)
        _show_progress(sweep, shown.trials)
        if shown.trials:
            show_trials(shown)


@cache.for_editors
def _press(
    label: str, icon: str, act: Callable[[Workspace, str], object], sweep: RunRecord
) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"sweep.{icon}.{sweep.id}"):
        act(cache.workspace(), sweep.id)
        if act is delete_run:
            keep_choice(STUDY, None)
        st.rerun()  # the whole page: polling starts or stops


def _show_progress(sweep: RunRecord, trials: Sequence[TrialResult]) -> None:
    assert sweep.plan is not None
    done, spent = len(trials), [trial.seconds for trial in trials]
    share = sweep.plan.share_done(done, sum(spent))
    if sweep.state in ("failed", "lost"):
        show_problem(sweep.problem or "The sweep ended.", sweep.remedy or "Start it again.")
    elif sweep.state == "queued":
        place = read_place(cache.workspace(), sweep.id)
        st.progress(share, text=f"Waiting: {ordinal(place)} in the queue." if place else "Starting")
    elif not sweep.has_ended:
        of = f" of {sweep.plan.trials}" if sweep.plan.minutes is None else ""
        text = f"Trial {done}{of}" if done else "Starting the first trial"
        if sweep.phase in ("backbone", "packing", "extracting", "activations"):
            text = "Computing features, once for these weights and this augmentation"
        if done > 1:
            text += f", {duration(sweep.plan.seconds_left(spent))} left"
        st.progress(share, text=text)
