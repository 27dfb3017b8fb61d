"""What pages show of a finished run before its numbers: where these come from, and its recipe."""

import pandas as pd
import streamlit as st

from core.formats import duration, plain
from core.runs.recipe.words import list_settings
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.messages import show_random_banner
from core.ui.parts.registering import show_register_button
from core.ui.parts.report_download import show_report_download


def show_run_facts(run: RunRecord, report_on: str | None = None) -> None:
    """Draws where the numbers come from, and the banner of random weights.

    Args:
        report_on: The split whose report is offered; None: none is.
    """
    result = cache.result(run.id)
    dataset = cache.dataset(run.recipe.dataset)
    spent = sum(result.seconds.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        stopped = " · stopped by hand" if run.stopped else ""
        st.caption(
            f"Dataset {plain(dataset.name)} ({dataset.id}) · best epoch {result.best_epoch} of "
            f"{run.epochs_done}{stopped} · {plain(run.device)} · {duration(spent)}"
        )
        with st.popover("Recipe", icon=":material/receipt_long:", type="tertiary"):
            show_recipe(run)
        show_register_button(run)
        if report_on is not None:
            show_report_download(run, report_on)
    if run.recipe.weights == "random":
        show_random_banner()


def show_recipe(run: RunRecord) -> None:
    """Draws everything that decided what the run learnt; what it did not use is left out."""
    rows = {"run": run.id, **list_settings(run.recipe)}
    table = pd.DataFrame({"setting": rows.keys(), "value": rows.values()})
    st.dataframe(table, hide_index=True, width=420, alt="Recipe of this run")
