"""The tab Review: reviewed photos as a new dataset version, the retraining and its challenger."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from core.errors import RetrainingRefused
from core.formats import cell_text, count, moment, plain
from core.monitoring.comparison import find_comparison
from core.monitoring.gathering import (
    ReviewedPhoto,
    ReviewedPlan,
    close_feedback,
    find_reviewed_dataset,
    list_reviewed,
    make_reviewed_version,
    plan_reviewed,
)
from core.monitoring.kept_photos import find_kept
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
from core.ui.monitoring.card import LAST
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import make_dataset, show_badge, show_progress
from core.ui.parts.messages import keep_done, report_errors, tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named
from core.ui.photos.reading import link_kept_photo, read_kept_thumbnail
from core.ui.visitor import name_visitor
from data.dataset import Dataset
from data.manifest import list_datasets, list_lineage

_SHOWN, _MOST_NAMED = 24, 12


def show_new_version() -> None:
    """Draw the content of the next dataset version, and make it."""
    st.subheader(
        "New dataset version",
        anchor=False,
        help="Reviewed photos become training photos. Validation and test photos stay the same, so "
        "that old and new models can be compared.",
    )
    dataset = _pick_dataset()
    if dataset is None:
        return
    reviewed = list_reviewed(cache.workspace(), dataset.id)
    if not reviewed:
        st.caption("Photos that you accept or relabel appear here.")
        return
    key = tuple((one.number, one.final_class) for one in reviewed)
    stored = find_kept(cache.workspace(), (one.photo for one in reviewed))
    _show_plan(dataset, _plan(dataset.id, key, tuple(sorted(stored))))


def _pick_dataset() -> Dataset | None:
    """Return the dataset for the reviewed photos; None without datasets."""
    first = find_reviewed_dataset(cache.workspace())
    usable = [one for one in list_datasets(cache.workspace()) if not one.problem]
    options = {one.id: describe_dataset(one) for one in sorted(usable, key=lambda d: d.id != first)}
    if not options:
        return None
    key = f"review.dataset.{first}"  # a version just made is chosen again
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return cache.dataset(pick_named("Dataset", options, key=key, width=520))


@st.cache_data(max_entries=16, ttl=600, show_spinner="Searching for copies …")
def _plan(
    dataset_id: str,
    reviewed: tuple[tuple[int, str | None], ...],  # noqa: ARG001 (part of the key)
    stored: tuple[str, ...],  # noqa: ARG001 (part of the key)
) -> ReviewedPlan:
    return plan_reviewed(cache.workspace(), cache.dataset(dataset_id))


def _show_plan(dataset: Dataset, plan: ReviewedPlan) -> None:
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos to add", f"{len(plan.added):,}", width="content")
        st.metric("Left out", f"{len(plan.left_out):,}", width="content")
    if plan.added:
        thumbnails = [read_kept_thumbnail(one.photo) for one in plan.added[:_SHOWN]]
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
            for thumbnail in filter(None, thumbnails):
                st.image(thumbnail, width=72)
        counts = pd.Series([one.class_name for one in plan.added]).value_counts()
        named = [f"{plain(str(name), 40)} {n:,}" for name, n in counts.head(_MOST_NAMED).items()]
        more = " …" if len(counts) > _MOST_NAMED else ""
        st.caption(f"Training photos: {', '.join(named)}{more}")
    if plan.new_classes:
        names = ", ".join(f"“{plain(name, 40)}”" for name in plan.new_classes)
        st.warning(
            f"New class: {names}. A new class has no validation or test photos, so its "
            "accuracy is unknown until you move some photos to these splits.",
            icon=":material/new_label:",
        )
    if plan.left_out:
        _show_left_out(dataset, plan.left_out)
    label = f"Make a new version with {count(len(plan.added), 'reviewed photo')}"
    icon, key = ":material/library_add:", f"review.make.{dataset.id}"
    if st.button(label, type="primary", icon=icon, key=key, disabled=not plan.added):
        make = partial(make_reviewed_version, cache.workspace(), dataset.id, who=name_visitor())
        made = make_dataset("Making the version …", make)
        if made is not None:
            changes = f"dataset?dataset={made.id}&view=versions&with={dataset.id}"
            photos = f"**{plain(made.name)}** is ready: {count(len(made), 'photo')}."
            keep_done("review", f"{photos} [See the changes]({changes})")
            st.session_state.pop(LAST, None)  # photos in a dataset cannot be undone
            st.rerun()
    if not plan.added and st.button(
        "Close their feedback", key=f"review.aside.{dataset.id}", icon=":material/archive:"
    ):
        close_feedback(cache.workspace(), plan.left_out, plan.dataset)
        tell_after_rerun(f"{count(len(plan.left_out), 'photo')} closed.")
        st.rerun()


def _show_left_out(dataset: Dataset, photos: Sequence[ReviewedPhoto]) -> None:
    page = f"/dataset?dataset={dataset.id}"
    with st.expander(f"{count(len(photos), 'photo')} left out", icon=":material/block:"):
        table = pd.DataFrame(
            [
                {
                    "Photo": link_kept_photo(one.photo),
                    "Reviewed as": cell_text(one.class_name),
                    "Why": one.left_out,
                    "Copy of": f"{page}&photo={one.copy_of}" if one.copy_of is not None else "",
                }
                for one in photos
            ]
        )
        st.dataframe(
            table,
            hide_index=True,
            row_height=56,
            column_config={
                "Photo": st.column_config.ImageColumn(width=64),
                "Why": st.column_config.TextColumn(width="large"),
                "Copy of": st.column_config.LinkColumn(display_text="Open", width=80),
            },
        )


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
        with report_errors():
            with st.spinner("Preparing the dataset …"):
                run = start_retraining(
                    cache.workspace(),
                    who=name_visitor(),
                    dataset_id=None if chosen == _REVIEWED else chosen,
                )
            touch_wake(cache.workspace())
            ensure_scheduler(cache.workspace())
            tell_after_rerun(f"{plain(run.name)} is queued.")
            st.rerun()


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
