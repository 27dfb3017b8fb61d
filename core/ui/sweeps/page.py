"""Sweeps on the training page: start one from the recipe of the form, watch it, stop it.

A sweep goes through the same queue as runs; the page polls its files. What its trials say is drawn
in `core.ui.sweeps.results`.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import WeightsDamaged, WeightsMissing
from core.formats import count, duration, percent, plain, rough_duration
from core.runs.queue.control import pause_run
from core.runs.queue.estimating import estimate_run
from core.runs.queue.queue import delete_run, request_stop, retry_run, submit_run
from core.runs.queue.wait_time import expected_wait
from core.runs.recipe.plans import MOST_TRIALS, SETTING_NAMES, SWEPT, SweepPlan, base_recipe
from core.runs.recipe.recipe import Recipe
from core.runs.scheduler import ensure_scheduler
from core.runs.store import RunRecord, list_studies, read_run
from core.runs.training.study_results import TrialResult, read_trials
from core.ui.parts import cache
from core.ui.parts.live_state import show_badge
from core.ui.parts.messages import report_errors, show_problem
from core.ui.parts.state import change_choice, keep_choice, read_choice
from core.ui.sweeps.results import show_trials
from core.workspace import Workspace
from data.dataset import Dataset
from models.weights import find_weights

_STUDY = "sweep"
_PICKER = f"picker.{_STUDY}"


def show_sweeps(dataset: Dataset, recipe: Recipe | None = None, submitter: str = "") -> None:
    """Draws the start of a sweep and the sweeps of the dataset.

    Args:
        dataset: The one that the form stands at.
        recipe: That of the form; None: the default one with the pretrained weights, if found.
        submitter: Whoever looks at the page, for a fair queue.
    """
    sweeps = _list_sweeps(dataset.id)
    stated = read_choice(_STUDY)
    st.subheader("Sweeps", anchor=False)
    st.caption(
        "Many heads on the same features, each with other settings: which of them matter, and how "
        "far they take you. The features are computed once, so a trial takes seconds."
    )
    with st.container(border=True):
        _show_start(dataset, recipe or _find_recipe(dataset), submitter)
    if stated is not None and stated not in sweeps | _list_sweeps():
        st.caption(":orange[The link names a sweep that is not here.]")
    if sweeps:
        _show_chosen(sweeps)
    else:
        st.caption(
            "No sweep yet. Its trials appear here one by one, and the best of them becomes a run "
            "with one click."
        )


def _list_sweeps(dataset_id: str | None = None) -> dict[str, RunRecord]:
    studies = list_studies(cache.workspace(), dataset_id)
    return {study.id: study for study in studies if isinstance(study.plan, SweepPlan)}


def _find_recipe(dataset: Dataset) -> Recipe | None:
    try:
        weights = find_weights(cache.workspace(), "pretrained")
    except (WeightsMissing, WeightsDamaged):
        return None
    return Recipe(dataset=dataset.id, weights_digest=weights.digest)


def _show_start(dataset: Dataset, recipe: Recipe | None, submitter: str) -> None:
    vary = st.multiselect(
        "Vary",
        SWEPT,
        default=SWEPT,
        format_func=lambda name: SETTING_NAMES[name].capitalize(),
        key="training.vary",
        help="The others stay as they are in the recipe above.",
    )
    left, middle, right = st.columns([1, 1, 2], gap="medium", vertical_alignment="bottom")
    trials = left.number_input("Trials", 1, MOST_TRIALS, 100, step=10, key="training.trials")
    seed = middle.number_input(
        "Seed", 0, 10_000, 0, key="training.sweep_seed", help="Of what the sweep tries."
    )
    start = right.button(
        "Start the sweep",
        icon=":material/tune:",
        width="stretch",
        disabled=recipe is None or not vary,
        key="training.start_sweep",
    )
    if recipe is None:
        st.caption("Choose the weights of the backbone in the form above first.")
        return
    if not vary:
        st.caption("Choose at least one setting to vary.")
        return
    plan = SweepPlan(trials=int(trials), vary=_in_order(vary), seed=int(seed))
    base = base_recipe(recipe, plan.vary)
    st.caption(_describe(base, plan, dataset))
    if start:
        study, _ = submit_run(cache.workspace(), base, dataset.name, plan=plan, submitter=submitter)
        ensure_scheduler(cache.workspace())
        change_choice(_STUDY, study.id)
        st.rerun()


def _describe(base: Recipe, plan: SweepPlan, dataset: Dataset) -> str:
    """Returns what the sweep will do, and how long that takes at most."""
    expected = estimate_run(cache.workspace(), base, dataset, cache.device(), plan=plan)
    views = f" on {count(base.views, 'view')} a photo" if base.views > 1 else ""
    machine = "" if expected.measured else ", going by another machine"
    return (
        f"{count(base.epochs, 'epoch')} a trial{views}: about {rough_duration(expected.seconds)}"
        f"{machine}. The first trial is the recipe above; one that falls behind half of the others "
        "is ended early. Sweeps train heads on frozen features, whatever the strategy above."
    )


def _in_order(vary: list[str]) -> tuple[str, ...]:
    """The order in which a person clicked makes no other sweep."""
    return tuple(name for name in SWEPT if name in vary)


def _show_chosen(sweeps: dict[str, RunRecord]) -> None:
    """Draws the sweep that the URL names, else the one that goes; others are a choice away."""
    if st.session_state.get(_PICKER) not in (None, *sweeps):
        st.session_state.pop(_PICKER)  # somebody deleted it
    chosen = read_choice(_STUDY)
    if chosen not in sweeps:
        chosen = next((sweep.id for sweep in sweeps.values() if not sweep.has_ended), None)
    identifiers = list(sweeps)
    chosen = st.selectbox(
        "Sweep",
        identifiers,
        index=None if chosen is None else identifiers.index(chosen),
        format_func=lambda identifier: _title(sweeps[identifier]),
        placeholder=f"Look at one of {count(len(sweeps), 'sweep')}",
        key=_PICKER,
        label_visibility="collapsed",
    )
    keep_choice(_STUDY, chosen)
    if chosen is not None:
        going = not sweeps[chosen].has_ended
        st.fragment(_show_sweep, run_every="3s" if going else None)(chosen, going)


def _title(sweep: RunRecord) -> str:
    assert isinstance(sweep.plan, SweepPlan)
    best = ""
    if sweep.best_val_accuracy is not None:
        best = f" · best {percent(sweep.best_val_accuracy, sweep.val_photos or 0)}"
    return f"Sweep {sweep.number} · {sweep.name} · {count(sweep.plan.trials, 'trial')}{best}"


def _show_sweep(sweep_id: str, was_going: bool) -> None:
    with report_errors():  # a fragment's errors do not reach those of its page
        sweep = read_run(cache.workspace(), sweep_id)
        if was_going == sweep.has_ended:
            st.rerun()  # the whole page: polling starts or stops
        if not sweep.has_ended:
            ensure_scheduler(cache.workspace())
        trials = read_trials(cache.workspace().run_folder(sweep_id))
        with st.container(border=True):
            _show_heading(sweep)
            _show_progress(sweep, trials)
            if trials:
                show_trials(sweep, trials)


def _show_heading(sweep: RunRecord) -> None:
    stopped = sweep.stopped and sweep.state == "done"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(_title(sweep), 60)}**", width="content")
        show_badge(sweep)
        if sweep.state in ("queued", "starting", "running"):
            _press("Stop", "stop", request_stop, sweep)
            _press("Pause", "pause", pause_run, sweep)
        if sweep.state in ("paused", "failed", "lost") or stopped:
            _press("Go on", "resume", retry_run, sweep)
        if not sweep.is_going:
            with st.popover("Delete", icon=":material/delete:", type="tertiary"):
                st.caption("Its trials are lost; runs that were made of them stay.")
                _press("Delete the sweep", "delete_forever", delete_run, sweep)


def _press(
    label: str, icon: str, act: Callable[[Workspace, str], object], sweep: RunRecord
) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"sweep.{icon}.{sweep.id}"):
        act(cache.workspace(), sweep.id)
        if act is delete_run:
            st.session_state.pop(_PICKER, None)
            keep_choice(_STUDY, None)
        st.rerun()  # the whole page: polling starts or stops


def _show_progress(sweep: RunRecord, trials: Sequence[TrialResult]) -> None:
    assert isinstance(sweep.plan, SweepPlan)
    done, total = len(trials), sweep.plan.trials
    if sweep.state in ("failed", "lost"):
        show_problem(sweep.problem or "The sweep ended.", sweep.remedy or "Try it again.")
    elif sweep.state == "queued":
        place, seconds = expected_wait(cache.workspace(), sweep.id)
        begins = "" if seconds is None else f", it begins in about {rough_duration(seconds)}"
        words = f"Waiting: number {place} in the queue{begins}." if place else "It begins …"
        st.progress(min(1.0, done / total), text=words)
    elif not sweep.has_ended:
        text = f"Trial {done} of {total}" if done else "The first trial begins …"
        if sweep.phase in ("backbone", "extracting"):
            text = "Computing the features of the photos: once for this dataset and these weights …"
        if done > 1:
            mean = sum(trial.seconds for trial in trials) / done
            text += f", {duration((total - done) * mean)} left"
        st.progress(min(1.0, done / total), text=text)
