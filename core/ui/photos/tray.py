"""The tray on screen: the quiet line that says what waits, and the review with apply.

The line costs one SQL count and is on every page that shows photos.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from core.datasets.edits.applying import apply_edits, read_edits_csv, write_edits_csv
from core.datasets.edits.tray import (
    Action,
    add_edits,
    clear_edits,
    count_edits,
    count_undone,
    list_classes,
    list_edits,
    redo_edits,
    resolve_edits,
    undo_edits,
)
from core.errors import PetalscopeError
from core.formats import count, data_uri, plain
from core.ui.parts import cache
from core.ui.parts.frame import page_file
from core.ui.parts.messages import show_problem, show_told, tell_after_rerun
from core.ui.parts.pickers import pick_page
from core.ui.parts.state import keep_choice
from core.ui.photos.tagging import show_tag_button
from data.dataset import Dataset
from data.importing import Progress
from data.splits import SPLITS

DONE = "selection.done"
"""Session key of the last edit: (dataset id, batch, what it does in Markdown)."""
_ROWS_A_PAGE = 50


def show_tray(dataset: Dataset) -> None:
    """Draw one quiet line when edits wait in the tray; nothing when it is empty."""
    show_told()
    waiting = count_edits(cache.workspace(), dataset.id)
    if not waiting:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tray_line"):
        st.markdown(
            f":material/edit_note: **{count(waiting, 'edit')}** in the tray, not applied yet",
            width="content",
        )
        if st.button("Review", type="tertiary", icon=":material/checklist:", key="tray.review"):
            query = {"dataset": dataset.id, "view": "edits"}
            st.switch_page(page_file("dataset"), query_params=query)
        st.button(
            "Undo",
            type="tertiary",
            icon=":material/undo:",
            key="tray.undo",
            on_click=lambda: _tell(undo_edits(cache.workspace(), dataset.id), "undone"),
            help="Takes back the last step.",
        )


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
            "then": [_describe_row(row) for row in shown.to_dict("records")],
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
        if st.button(f"Leave {what} as now", icon=":material/settings_backup_restore:"):
            add_edits(cache.workspace(), dataset, chosen, "restore")
            st.rerun()
        if show_tag_button(dataset, chosen, what, key="tray"):
            st.rerun()


def _describe_row(row: dict[str, object]) -> str:
    if row["excluded"]:
        return "excluded"
    pairs = (("class", "new_class"), ("split", "new_split"))
    return ", ".join(f"→ {row[new]}" for old, new in pairs if row[old] != row[new])


def mark_tray(dataset: Dataset) -> Callable[[int], Sequence[str]]:
    """Return what says of a photo, in a word, what the tray holds for it."""
    changes = resolve_edits(dataset, list_edits(cache.workspace(), dataset.id))
    words = {}
    for row in changes.to_dict("records"):
        relabelled = row["class"] != row["new_class"]
        word = "excluded" if row["excluded"] else f"→ {row['new_class']}" if relabelled else "moved"
        words[int(row["photo"])] = [word]
    return lambda photo: words.get(photo, ())


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
                on_click=lambda act=act, told=told: _tell(act(cache.workspace(), dataset.id), told),
            )


def _tell(edits: int, told: str) -> None:
    tell_after_rerun(f"{count(edits, 'edit')} {told}.")


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
    keep_choice("dataset", version.id)
    tell_after_rerun(f"“{plain(version.name)}” is made and chosen.")
    st.rerun()


def show_csv(dataset: Dataset) -> None:
    """Draw the edits as a CSV to keep, and the way to read one into the tray."""
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


def note_edit(dataset: Dataset, make: Callable[[], int], sentence: str) -> bool:
    """Return whether an edit could be made; says what was done, or why it could not be.

    Args:
        make: Notes the edit and returns its batch.
        sentence: What it does, in Markdown.
    """
    try:
        batch = make()
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return False
    st.session_state[DONE] = (dataset.id, batch, sentence)
    return True


def show_edit_buttons(dataset: Dataset, photos: Sequence[int], what: str, *, key: str) -> bool:
    """Draw relabel, move and exclude, side by side; return whether an edit was noted.

    Args:
        photos: Numbers of the photos they are for.
        what: What these are called: “3 photos”.
        key: Name of the place; another one on the same page needs another.
    """
    done: tuple[Action, str, str] | None = None
    with st.popover("Relabel", icon=":material/label:"):
        chosen = st.selectbox(
            "New class",
            list_classes(cache.workspace(), dataset),
            index=None,
            placeholder="Choose a class, or type a new one",
            accept_new_options=True,
            key=f"{key}.class",
        )
        label = f"Relabel {what}"
        if st.button(label, type="primary", disabled=not chosen, key=f"{key}.relabel"):
            done = "relabel", str(chosen), f"relabelled to “{plain(str(chosen), 40)}”"
    with st.popover("Move", icon=":material/drive_file_move:"):
        st.caption("To which split?")
        present = set(dataset.splits[list(photos)])
        for split in SPLITS:
            here = present == {split}
            key_of = f"{key}.{split}"
            if st.button(split.capitalize(), width="stretch", disabled=here, key=key_of):
                done = "move", split, f"moved to {split}"
    if st.button("Exclude", icon=":material/block:", key=f"{key}.exclude"):
        done = "exclude", "", "excluded"
    if done is None:
        return False
    action, value, sentence = done
    return note_edit(
        dataset,
        lambda: add_edits(cache.workspace(), dataset, photos, action, value),
        f"{count(len(photos), 'photo')} {sentence}",
    )
