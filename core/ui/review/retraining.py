"""Retraining on the page: the challenger, the running one, and the button."""

from dataclasses import replace

import streamlit as st

from core.errors import RetrainingRefused, RunMissing
from core.formats import count, moment, plain
from core.monitoring.retraining import (
    count_waiting,
    find_base,
    find_learnt,
    read_recipe,
    start_retraining,
)
from core.monitoring.retraining_state import Going, read_state
from core.registry.store import ModelVersion, find_version, read_aliases
from core.runs.queue.starting import ensure_scheduler, touch_wake
from core.runs.run_files import curve, read_events
from core.runs.store import read_run
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import show_badge, show_progress
from core.ui.parts.messages import report_errors, tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named
from core.ui.review.challenger import show_challenger
from core.ui.visitor import name_visitor
from data.manifest import list_lineage

_REVIEWED = "reviewed"
_LEARN_FROM = "review.learn_from"


def show_retraining() -> None:
    """Draw the whole panel: the challenger and its evidence on the left, Retrain on the right."""
    st.subheader("A challenger for the champion", anchor=False)
    st.caption(
        "Retraining takes the champion's recipe to the photos that were reviewed. What comes of it "
        "has to beat the champion on the same test photos before it answers anybody."
    )
    aliases = read_aliases(cache.workspace())
    if "champion" not in aliases:
        with st.container(border=True):
            st.markdown("**No model answers yet.**")
            st.write("Register a finished run and promote it: then it can be challenged.")
            link_page("registry", "Models", "inventory_2")
        return
    champion = find_version(cache.workspace(), "champion")
    left, right = st.columns([7, 4], gap="large")
    with left:
        state = read_state(cache.workspace())
        if state.going is not None:
            _show_going()
        elif state.last is not None and not state.last.went_well:
            st.warning(
                f"**Retraining, {moment(state.last.time)}.** {plain(state.last.text)}",
                icon=":material/info:",
            )
        if "challenger" in aliases:
            show_challenger(champion, find_version(cache.workspace(), "challenger"))
        elif state.going is None:
            with st.container(border=True):
                st.markdown(f"**Nobody challenges {champion.label}.**")
                st.caption(
                    "Retrain when photos were reviewed. The features of all old photos are kept, "
                    "so a head takes seconds; stages that the champion trained are trained anew."
                )
    with right:
        _show_start(champion, going=state.going is not None)


def _show_start(champion: ModelVersion, *, going: bool) -> None:
    waiting = count_waiting(cache.workspace())
    with st.container(border=True):
        st.metric("Reviewed photos that wait", f"{waiting:,}")
        if going:
            st.caption("The next challenger can be trained when this one has met the champion.")
            return
        try:
            options = _list_options(champion, waiting)
        except RetrainingRefused as error:
            st.caption(f":orange[{plain(error.problem)}] {plain(error.remedy)}")
            return
        chosen = _pick_dataset(options, waiting)
        started = st.button(
            "Retrain now",
            type="primary",
            icon=":material/model_training:",
            key="review.retrain",
            disabled=chosen is None,
            width="stretch",
        )
    if started:
        _start(None if chosen == _REVIEWED else chosen)


def _list_options(champion: ModelVersion, waiting: int) -> dict[str, str]:
    """Return what can be learnt from that was not yet, each with its words, the first suggested.

    Raises:
        RetrainingRefused: The champion's recipe cannot be taken to other photos.
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


def _pick_dataset(options: dict[str, str], waiting: int) -> str | None:
    """Return the option that was chosen; None where nothing is new."""
    if not options:
        st.caption("There is nothing new to learn from: review some photos first.")
        return None
    # Named after how many wait: the browser would go on showing the words of the first time.
    key = f"{_LEARN_FROM}.{waiting}"
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    chosen: str | None = pick_named(
        "Learn from",
        options,
        key=key,
        help="Reviewed photos become train photos of a new version first; validation and test "
        "photos stay the same. Other versions of the champion's dataset can be learnt from, too.",
    )
    return chosen


def _start(dataset_id: str | None) -> None:
    with report_errors():
        with st.spinner("Making the dataset ready …"):
            run = start_retraining(cache.workspace(), who=name_visitor(), dataset_id=dataset_id)
        touch_wake(cache.workspace())
        ensure_scheduler(cache.workspace())
        tell_after_rerun(f"{plain(run.name)} is queued.")
        st.rerun()


@st.fragment(run_every="1s")
def _show_going() -> None:
    """Draw the retraining that goes, live; the whole page again when it is settled."""
    with report_errors():  # a fragment's errors do not reach those of its page
        going = read_state(cache.workspace()).going
        if going is None:
            st.rerun()  # the whole page: the challenger is there
        ensure_scheduler(cache.workspace())  # the one that sees to it may have been killed
        _draw(going)


def _draw(going: Going) -> None:
    with st.container(border=True):
        if going.run is None:
            st.progress(0.0, text="Making the dataset ready …")
            return
        try:
            run = read_run(cache.workspace(), going.run)
        except RunMissing:
            st.progress(0.0, text="Its run was deleted …")
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(run.name, 60)}**", width="content")
            show_badge(run)
        who = f", {plain(going.who, 60)}" if going.who else ""
        st.caption(f"Since {moment(going.since)}{who}.")
        if run.state == "done":
            st.progress(1.0, text="Registering it, and comparing it on the test photos …")
        else:
            events, _ = read_events(cache.workspace().run_folder(run.id))
            show_progress(run, events, curve(events))
        link_page("training", "Watch it learn", "model_training", run=run.id)
