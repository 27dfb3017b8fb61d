"""By which run, and in which version of its dataset, a saved selection is looked at."""

import streamlit as st

from core.datasets.selections import Selection
from core.errors import DatasetMissing
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.pickers import describe_run
from core.ui.parts.state import keep_choice
from data.manifest import list_lineage


def pick_judge(selection: Selection) -> RunRecord | None:
    """Returns the run whose answers are shown beside the photos, or None."""
    family = {entry.id for entry in list_lineage(cache.workspace(), selection.dataset)}
    runs = {
        run.id: run
        for run in list_runs(cache.workspace())
        if run.state == "done" and run.recipe.dataset in family
    }
    if not runs:
        return None
    wishes = (st.query_params.get("run"), selection.run)
    stated = next((one for one in wishes if one in runs), None)
    key = f"mistakes.judge.{selection.id}"
    if st.session_state.get(key) not in runs:
        st.session_state.pop(key, None)
    chosen = st.selectbox(
        "Answers of",
        list(runs),
        index=list(runs).index(stated) if stated else None,
        format_func=lambda one: describe_run(runs[one]),
        placeholder="No run: the photos alone",
        key=key,
        width=420,
    )
    if chosen is None:  # the run of the other pages stays chosen
        st.query_params.pop("run", None)
        return None
    keep_choice("run", chosen)
    return runs[chosen]


def find_dataset(selection: Selection) -> str:
    """Returns the version in which the photos were chosen, else the newest of its versions."""
    family = [entry.id for entry in list_lineage(cache.workspace(), selection.dataset)]
    if not family:
        raise DatasetMissing(
            f"The dataset of the selection “{selection.name}” was deleted.",
            "Import the same photos again: the selection then finds them.",
            dataset=selection.dataset,
        )
    return selection.dataset if selection.dataset in family else family[-1]
