"""Where things stand and what comes next: the overview's cards and the list of runs."""

import pandas as pd
import streamlit as st

from core.errors import WeightsDamaged, WeightsMissing
from core.formats import count, duration, moment, percent_format, plain
from core.runs.recipe.recipe import Recipe
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import report_errors
from core.ui.parts.state import change_choice
from core.ui.recipes.form import prepare_training, start_run
from data.manifest import list_datasets
from models.weights import find_weights

_OPENED = "runs.opened"
"""Whether a click on a row of the list has just opened its run."""


def show_next_step() -> None:
    """Draws the one thing to do next: add photos, train, or look at the newest run."""
    datasets = [entry for entry in list_datasets(cache.workspace()) if not entry.problem]
    runs = list_runs(cache.workspace())
    done = [run for run in runs if run.state == "done"]
    with st.container(border=True):
        if not datasets:
            st.subheader("Start with photos", anchor=False)
            st.write(
                "Bring a folder or an archive of photos, one folder a class, or draw the sample "
                "flowers and try everything in a minute."
            )
            _link("dataset", "Add a dataset", ":material/add_photo_alternate:")
        elif not done:
            _offer_quick_start(
                datasets[0].id, datasets[0].name, waiting=any(not run.has_ended for run in runs)
            )
        else:
            _offer_newest(done[0])


def _offer_quick_start(dataset_id: str, name: str, *, waiting: bool) -> None:
    prepare_training()
    if waiting:
        st.subheader("A run is on its way", anchor=False)
        _link("training", "Watch it", ":material/model_training:")
        return
    st.subheader(f"Train on {plain(name)}", anchor=False)
    st.write(
        "One click trains a classifier on top of a frozen ResNet-50 with sensible settings. You "
        "watch it learn, then see which photos it gets wrong and why."
    )
    try:
        weights = find_weights(cache.workspace(), "pretrained")
        label = f"Train with {weights.label} weights"
    except (WeightsMissing, WeightsDamaged) as error:
        weights = find_weights(cache.workspace(), "random")
        label = "Quick start with random weights"
        st.caption(
            f"{plain(error.problem)} Random weights show the whole way without them; the training "
            "page offers the download."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            recipe = Recipe(dataset=dataset_id, weights=weights.kind, weights_digest=weights.digest)
            start_run(recipe, name, open_training=True)
        _link("training", "Choose the settings yourself", ":material/tune:")


def _offer_newest(run: RunRecord) -> None:
    st.subheader(f"Run {run.number} is done: see what it gets wrong", anchor=False)
    with st.container(horizontal=True):
        _link("confusion", "Its confusions", ":material/grid_on:", run)
        _link("metrics", "Its metrics", ":material/monitoring:", run)
        _link("predict", "Classify a photo", ":material/photo_camera:", run)
        _link("training", "Train another", ":material/model_training:")


def show_datasets() -> None:
    """Draws the datasets of the workspace, newest first."""
    entries = list_datasets(cache.workspace())
    if not entries:
        st.caption("None yet.")
    for entry in entries:
        if entry.problem:
            st.caption(f":red[{plain(entry.name or entry.id)}: {plain(entry.problem)}]")
            continue
        st.page_link(
            page_file("dataset"),
            label=f"**{plain(entry.name, 40)}** · {count(entry.photos, 'photo')} · "
            f"{count(entry.classes, 'class')}",
            icon=":material/photo_library:",
            query_params={"dataset": entry.id},
        )


def show_weights() -> None:
    """Draws which pretrained weights would be used."""
    try:
        weights = find_weights(cache.workspace(), "pretrained")
        st.caption(f":material/key: {plain(weights.label)} weights, from {plain(weights.origin)}")
    except (WeightsMissing, WeightsDamaged) as error:
        st.caption(f":material/key_off: {plain(error.problem)}")


def show_runs(*, choosable: bool = False) -> None:
    """Draws the runs, newest first; when choosable, a click on a row opens that run above.

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
            st.rerun()  # the whole page: the run stands above the list


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
        key="runs.table",
        column_config={
            "State": st.column_config.TextColumn(width=100),
            "Validation accuracy": st.column_config.NumberColumn(format=form),
            "n": st.column_config.NumberColumn(help="Validation photos behind the accuracy."),
        },
        placeholder="",
        alt="Runs of this workspace",
        on_select=_open_listed if choosable else "ignore",
        selection_mode="single-row",
    )


def _describe(run: RunRecord, names: dict[str, str]) -> dict[str, object]:
    took = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    accuracy = None if run.best_val_accuracy is None else 100 * run.best_val_accuracy
    return {
        "Run": run.number,
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


def _open_listed() -> None:
    rows = st.session_state["runs.table"]["selection"]["rows"]
    if rows:
        change_choice("watch", st.session_state["runs.listed"][rows[0]])
        st.session_state[_OPENED] = True


def _link(page: str, label: str, icon: str, run: RunRecord | None = None) -> None:
    parameters = {"run": run.id} if run else None
    st.page_link(page_file(page), label=label, icon=icon, query_params=parameters)
