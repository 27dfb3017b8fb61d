"""Applying the tray to make a new version, and the tray as a CSV."""

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.datasets.edits.applying import apply_edits
from core.datasets.edits.table import read_edits_csv, write_edits_csv
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem, tell_after_rerun
from core.ui.parts.state import change_choice
from data.dataset import Dataset
from data.importing import Progress


def show_apply(dataset: Dataset, changes: pd.DataFrame) -> None:
    """Draws what the edits would make, and makes it; the new version is then the chosen one."""
    with st.form("tray.apply", border=True):
        st.markdown("**Make a new version**")
        st.caption(
            f"A dataset of its own, {count(len(dataset) - int(changes['excluded'].sum()), 'photo')}"
            ", with this one as its parent. Features of unchanged photos are used again."
        )
        name = st.text_input("Name", placeholder="Leave empty for a name with its number")
        apply = st.form_submit_button("Apply the edits", type="primary", icon=":material/check:")
    if not apply:
        return
    bar = st.progress(0.0, text="Applying …")

    def draw(progress: Progress) -> None:
        share = progress.done / progress.total if progress.total else 0.0
        bar.progress(min(share, 1.0), text=f"{progress.phase.capitalize()} …")

    try:
        version = apply_edits(
            cache.workspace(), dataset, name=name.strip() or None, on_progress=draw
        )
    except PetalscopeError as error:
        bar.empty()
        show_problem(error.problem, error.remedy)
        return
    change_choice("dataset", version.id)
    tell_after_rerun(f"“{plain(version.name)}” is made and chosen.")
    st.rerun()


def show_csv(dataset: Dataset) -> None:
    """Draws the edits as a CSV to keep, and the way to read one into the tray."""
    with st.expander("Edits as CSV", icon=":material/table:"):
        st.caption(
            "Columns path, action (relabel, exclude, move, restore), value, note. A file that is "
            "read adds to the tray, all of it or nothing."
        )
        text = write_edits_csv(cache.workspace(), dataset)
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        st.download_button(
            "Download the tray",
            text,
            file_name=f"edits-{dataset.id}-{day}.csv",
            mime="text/csv",
            icon=":material/download:",
        )
        chosen = st.file_uploader("A CSV of edits", type="csv", key="tray.csv")
        if chosen and st.button("Add these edits to the tray", icon=":material/upload:"):
            try:
                content = chosen.getvalue().decode("utf-8", errors="replace")
                read_edits_csv(cache.workspace(), dataset, content)
            except PetalscopeError as error:
                show_problem(error.problem, error.remedy)
            else:
                tell_after_rerun("The edits of the file are in the tray.")
                st.rerun()
