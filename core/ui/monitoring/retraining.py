"""The tab Review: the running retraining, the challenger, and the button that starts the next."""

from dataclasses import replace

import streamlit as st

from core.errors import RetrainingRefused
from core.formats import count, moment, plain
from core.monitoring.comparison import find_comparison
from core.monitoring.retraining import (
    count_waiting,
    find_base,
    find_learnt,
    read_recipe,
    read_state,
    start_retraining,
)
from core.registry.evidence import describe_evidence, judge_evidence
from core.registry.promoting import LONGEST_REASON, keep_champion
from core.registry.store import ModelVersion, find_version, read_aliases
from core.runs.queue.starting import ensure_scheduler, touch_wake
from core.runs.run_files import curve, read_events
from core.runs.store import list_runs, read_run
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import show_badge, show_progress
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named
from core.ui.visitor import name_visitor
from data.manifest import list_lineage

_REVIEWED = "reviewed"


def show_retraining() -> None:
    """Draw the challenger on the left and the button for the next on the right."""
    st.subheader(
        "Retraining",
        anchor=False,
        help="Trains the champion's recipe on the reviewed photos. The new model answers only "
        "after you promote it.",
    )
    aliases = read_aliases(cache.workspace())
    if "champion" not in aliases:
        st.caption("Register a finished run and promote it first.")
        link_page("models", "Models", "inventory_2")
        return
    champion = find_version(cache.workspace(), "champion")
    left, right = st.columns([7, 4], gap="large")
    state = read_state(cache.workspace())
    with left:
        if state.going is not None:
            _show_running()
        elif state.last is not None and not state.last.went_well:
            text = f"**Retraining failed, {moment(state.last.time)}.** {plain(state.last.text)}"
            st.warning(text, icon=":material/info:")
        if "challenger" in aliases:
            _show_challenger(champion, find_version(cache.workspace(), "challenger"))
        elif state.going is None:
            st.caption(f"No challenger for {champion.label}. Retraining creates one.")
    with right.container(border=True):
        _show_start(champion, running=state.going is not None)


def _show_challenger(champion: ModelVersion, challenger: ModelVersion) -> None:
    """Draw the result of the comparison, the links to its details, and the way to keep."""
    comparison = find_comparison(cache.workspace(), champion.number, challenger.number)
    with st.container(border=True):
        st.markdown(
            f"**{challenger.label} challenges {champion.label}** · {plain(challenger.name, 60)}"
        )
        if comparison is None:
            st.caption("Not compared yet.")
        else:
            evidence = comparison.evidence
            st.markdown(f"{judge_evidence(evidence)}. {plain(describe_evidence(evidence))}")
        there = {run.id: run for run in list_runs(cache.workspace())}
        run = there.get(challenger.run_id)
        if run is not None and run.stopped:
            epochs = f"{run.epochs_done} of {count(run.recipe.epochs, 'epoch')}"
            st.caption(f":orange[Its training was stopped after {epochs}.]")
        with st.container(horizontal=True, vertical_alignment="center"):
            link_page("models", "Compare and promote", "military_tech")
            if {champion.run_id, challenger.run_id} <= there.keys():
                both = f"{champion.run_id},{challenger.run_id}"
                link_page("runs", "Photos", "compare_arrows", compare=both, split="test")
            link_page("dataset", "Dataset", "photo_library", dataset=challenger.dataset_id)
            with st.popover(f"Keep {champion.label}", icon=":material/shield:"):
                _ask_to_keep(champion, challenger)


def _ask_to_keep(champion: ModelVersion, challenger: ModelVersion) -> None:
    with st.form(f"review.keep.{challenger.number}", border=False):
        st.markdown(f"{challenger.label} stays registered, but is no longer the challenger.")
        reason = st.text_area("Reason", max_chars=LONGEST_REASON, height=100)
        wanted = st.form_submit_button(f"Keep {champion.label}", type="primary")
    if not wanted:
        return
    with report_errors():
        keep_champion(
            cache.workspace(), reason=reason, who=name_visitor(), challenger=challenger.number
        )
        tell_after_rerun(f"{champion.label} stays the champion.")
        st.rerun()


def _show_start(champion: ModelVersion, *, running: bool) -> None:
    waiting = count_waiting(cache.workspace())
    st.metric("New reviewed photos", f"{waiting:,}")
    if running:
        st.caption("Wait for the running retraining before you start the next.")
        return
    try:
        options = _list_options(champion, waiting)
    except RetrainingRefused as error:
        st.caption(f":orange[{plain(error.problem)}] {plain(error.remedy)}")
        return
    chosen = None
    if options:
        # The key has the count, because the browser would keep showing the old words.
        key = f"review.learn_from.{waiting}"
        if st.session_state.get(key) not in options:
            st.session_state.pop(key, None)
        chosen = pick_named("Train on", options, key=key)
    else:
        st.caption("No new photos. Review some first.")
    if st.button(
        "Retrain now",
        type="primary",
        icon=":material/model_training:",
        key="review.retrain",
        disabled=chosen is None,
        width="stretch",
    ):
        _start(None if chosen == _REVIEWED else chosen)


def _list_options(champion: ModelVersion, waiting: int) -> dict[str, str]:
    """Return the datasets that the recipe was not trained on yet, the suggested one first.

    Raises:
        RetrainingRefused: The champion's recipe cannot be used for other photos.
    """
    workspace = cache.workspace()
    recipe = read_recipe(champion)
    family = [one for one in list_lineage(workspace, champion.dataset_id) if not one.problem]
    new = {
        one.id: one
        for one in reversed(family)
        if one.id != champion.dataset_id
        and find_learnt(workspace, replace(recipe, dataset=one.id)) is None
    }
    base = find_base(workspace, champion)
    options = {}
    if waiting:
        name = next((one.name for one in family if one.id == base), base)
        options[_REVIEWED] = f"{name} + {count(waiting, 'photo')}"
    elif base in new:
        options[_REVIEWED] = describe_dataset(new.pop(base))
    return options | {one: describe_dataset(summary) for one, summary in new.items()}


def _start(dataset_id: str | None) -> None:
    with report_errors():
        with st.spinner("Preparing the dataset …"):
            run = start_retraining(cache.workspace(), who=name_visitor(), dataset_id=dataset_id)
        touch_wake(cache.workspace())
        ensure_scheduler(cache.workspace())
        tell_after_rerun(f"{plain(run.name)} is queued.")
        st.rerun()


@st.fragment(run_every="1s")
def _show_running() -> None:
    """Draw the running retraining live, and the whole page again at its end."""
    with report_errors(), st.container(border=True):  # a fragment's errors do not reach its page
        running = read_state(cache.workspace()).going
        if running is None:
            st.rerun()
        ensure_scheduler(cache.workspace())  # it may have been killed
        who = f", {plain(running.who, 60)}" if running.who else ""
        st.caption(f"Retraining since {moment(running.since)}{who}.")
        if running.run is None:
            st.progress(0.0, text="Preparing the dataset …")
            return
        run = read_run(cache.workspace(), running.run)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(run.name, 60)}**", width="content")
            show_badge(run)
        if run.state == "done":
            st.progress(1.0, text="Registering and comparing on the test photos …")
        else:
            events, _ = read_events(cache.workspace().run_folder(run.id))
            show_progress(run, events, curve(events))
        link_page("training", "Watch the training", "model_training", run=run.id)
