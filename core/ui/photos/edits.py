"""The review of the tray: what waits, what it would do, undo and redo, CSV, and apply."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from core.datasets.edits.applying import read_edits_csv, write_edits_csv
from core.datasets.edits.tray import (
    add_edits,
    clear_edits,
    count_undone,
    list_edits,
    redo_edits,
    resolve_edits,
    undo_edits,
)
from core.errors import PetalscopeError
from core.exact.whatif import apply_foretold
from core.formats import count, data_uri, plain
from core.ui.parts import cache
from core.ui.parts.live_state import make_dataset
from core.ui.parts.messages import offer_csv, show_problem, tell_after_rerun
from core.ui.parts.pickers import pick_page
from core.ui.parts.state import keep_choice
from core.ui.photos.tray import describe_change, show_tag_button, tell_edits
from core.ui.photos.whatif import show_whatif
from core.workspace import Workspace
from data.dataset import Dataset

_ROWS_A_PAGE = 50


def show_edits(dataset: Dataset) -> None:
    """Draw the review: what will change, undo and redo, CSV, and apply."""
    edits = list_edits(cache.workspace(), dataset.id)
    changes = resolve_edits(dataset, edits)
    st.subheader("What waits in the tray", anchor=False)
    if changes.empty:
        st.info(
            "Nothing waits. Select photos on a wall, or open one: relabel it, move it to another "
            "split or exclude it. Edits gather here until you apply them.",
            icon=":material/edit_note:",
        )
    else:
        st.caption(f"{_describe(changes)}. “{plain(dataset.name)}” stays as it is.")
        show_whatif(dataset, changes)
        _show_changes(dataset, changes)
    _show_steps(dataset, bool(edits))
    if not changes.empty:
        show_apply(dataset, changes)
    show_csv(dataset)


def _describe(changes: pd.DataFrame) -> str:
    stays = ~changes["excluded"]
    numbers = {
        "relabelled": int((stays & (changes["class"] != changes["new_class"])).sum()),
        "moved": int((stays & (changes["split"] != changes["new_split"])).sum()),
        "excluded": int((~stays).sum()),
    }
    parts = [f"{number:,} {what}" for what, number in numbers.items() if number]
    return f"{count(len(changes), 'photo')}: {', '.join(parts)}"


def _show_changes(dataset: Dataset, changes: pd.DataFrame) -> None:
    part = pick_page("tray_page", len(changes), _ROWS_A_PAGE)
    shown = changes.iloc[part]
    table = pd.DataFrame(
        {
            "photo": [data_uri(dataset.thumbnail(photo)) for photo in shown["photo"]],
            "now": [f"{a} · {b}" for a, b in zip(shown["class"], shown["split"], strict=True)],
            "then": [describe_change(row) for row in shown.to_dict("records")],
            "note": shown["note"].to_list(),
            "path": shown["path"].to_list(),
        }
    )
    answer = st.dataframe(
        table,
        hide_index=True,
        row_height=56,
        key=f"tray.changes.{dataset.id}.{len(changes)}.{part.start}",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "photo": st.column_config.ImageColumn("Photo", width=64),
            "now": st.column_config.TextColumn("Now"),
            "then": st.column_config.TextColumn("When applied"),
            "note": st.column_config.TextColumn("Note"),
            "path": st.column_config.TextColumn("File"),
        },
        alt="Photos that will change, and how",
    )
    rows = answer["selection"]["rows"]
    chosen = [int(shown["photo"].iat[row]) for row in rows if row < len(shown)]
    if not chosen:
        return
    what = count(len(chosen), "photo")
    with st.container(horizontal=True):
        if cache.edit_button(f"Leave {what} as now", icon=":material/settings_backup_restore:"):
            add_edits(cache.workspace(), dataset, chosen, "restore")
            st.rerun()
        if show_tag_button(dataset, chosen, what, key="tray"):
            st.rerun()


@cache.for_editors
def _show_steps(dataset: Dataset, any_edit: bool) -> None:
    """Draw undo, redo and clear; each can be taken back by the other."""
    undone = count_undone(cache.workspace(), dataset.id)
    steps = (
        ("Undo", "undo", undo_edits, any_edit, "undone"),
        ("Redo", "redo", redo_edits, bool(undone), "back in the tray"),
        ("Clear", "delete_sweep", clear_edits, any_edit, "taken out; Redo brings them back"),
    )
    if not any_edit and not undone:
        return
    with st.container(horizontal=True):
        for label, icon, act, possible, told in steps:
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"tray.{label}",
                disabled=not possible,
                on_click=partial(_step, dataset.id, act, told),
            )


def _step(dataset_id: str, act: Callable[[Workspace, str], int], told: str) -> None:
    tell_edits(act(cache.workspace(), dataset_id), told)


@cache.for_editors
def show_apply(dataset: Dataset, changes: pd.DataFrame) -> None:
    """Draw what the edits would make, and makes it; the new version is then the chosen one."""
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
    make = partial(apply_foretold, cache.workspace(), dataset, name=name.strip() or None)
    version = make_dataset("Applying …", make)
    if version is None:
        return
    keep_choice("dataset", version.id)
    tell_after_rerun(f"“{plain(version.name)}” is made and chosen.")
    st.rerun()


@cache.for_editors
def show_csv(dataset: Dataset) -> None:
    """Draw the edits as a CSV to keep, and the way to read one into the tray."""
    with st.expander("Edits as CSV", icon=":material/table:"):
        st.caption(
            "Columns path, action (relabel, exclude, move, restore), value, note. A file that is "
            "read adds to the tray, all of it or nothing."
        )
        text = write_edits_csv(cache.workspace(), dataset)
        file = f"edits-{dataset.id}-{datetime.now(UTC):%Y-%m-%d}.csv"
        offer_csv("Download the tray", text, file)
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
