"""The exports that are kept in the workspace: what each holds, its download, its end."""

import streamlit as st

from core.errors import PetalscopeError
from core.exporting.store import ExportRecord, delete_export, find_zip, list_exports
from core.exporting.subject import FACTS
from core.formats import count, moment, plain, size
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.state import read_choice
from core.ui.registry.mapped_file import MappedFile

_ORIGINS = {"dataset": "of the validation split", "drawn": "drawn"}


def show_kept() -> None:
    """Draws the exports, newest first; the one that was asked for last is open."""
    records = list_exports(cache.workspace())
    if not records:
        return
    kept = size(sum(record.bytes for record in records))
    st.markdown(f"**{count(len(records), 'export')}**, {kept}")
    asked = read_choice("export")
    for record in records:
        with st.container(border=True, key=f"export-{record.id}"):
            _show(record, is_new=record.id == asked)


def _show(record: ExportRecord, *, is_new: bool) -> None:
    file = find_zip(cache.workspace(), record)
    held = [FACTS[name].label for name in record.formats]
    held += ["Space"] if record.space else []
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            st.markdown(f"**{plain(record.title)}**: {', '.join(held)}")
            st.caption(f"{size(record.bytes)} · {moment(record.created)} · {_say_check(record)}")
        st.download_button(
            "Download",
            data=lambda: MappedFile(file),
            file_name=record.file,
            mime="application/zip",
            icon=":material/download:",
            type="primary" if is_new else "secondary",
            key=f"export.download.{record.id}",
            on_click="ignore",
        )
        with st.popover("Delete", icon=":material/delete:", type="tertiary"):
            _offer_delete(record)
    with st.expander("Where it is, and how to check a copy"):
        st.code(str(file), language=None, wrap_lines=True)
        st.caption(f"SHA-256 `{record.sha256}`. Unpacked, `python check.py` compares all of it.")


def _say_check(record: ExportRecord) -> str:
    """Returns how far the formats are from the program, on the golden photos."""
    rows = record.checked.values()
    checked = [row["difference"] for row in rows if row["state"] == "right"]
    said = f"{count(record.photos, 'golden photo')} ({_ORIGINS[record.golden]})"
    if checked:
        said += f": float32 scores within {max(checked):.0e}, same highest class"
    if skipped := [row["problem"] for row in rows if row["state"] == "skipped"]:
        said += f"; {count(len(skipped), 'format')} not checked here ({plain(skipped[0])})"
    return said


def _offer_delete(record: ExportRecord) -> None:
    st.markdown(f"Delete this zip ({size(record.bytes)})? The model stays.")
    if st.button(
        "Delete for good",
        type="primary",
        icon=":material/delete_forever:",
        key=f"export.delete.{record.id}",
    ):
        try:
            delete_export(cache.workspace(), record.id)
        except PetalscopeError as error:
            show_problem(error.problem, error.remedy)
            return
        st.rerun()
