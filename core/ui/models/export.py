"""Export of a model: its formats, the progress, and the finished exports."""

import io
import mmap
from pathlib import Path

import streamlit as st

from core.exporting.store import (
    FACTS,
    FORMATS,
    ExportRecord,
    Format,
    delete_export,
    find_zip,
    list_exports,
    list_going,
    start_export,
)
from core.formats import moment, plain, size
from core.registry.store import ModelVersion, list_versions
from core.runs.jobs import read_job
from core.runs.recipe.strategies import ADDED
from core.runs.store import list_trained
from core.ui.parts import cache
from core.ui.parts.live_state import follow_job
from core.ui.parts.messages import report_errors, show_problem
from core.ui.parts.pickers import describe_run, pick_named
from core.ui.parts.state import keep_choice, read_choice

_JOB = "export"
_STANDARD: tuple[Format, ...] = ("keras", "onnx")
_BYTES = 95_000_000
"""Size of ResNet-50 in float32, in any of the formats."""


def show_export_panel(version: ModelVersion | None = None) -> None:
    """Draw the export of any version or finished run; `version` is the one chosen at first."""
    workspace = cache.workspace()
    versions = [version] if version else []
    versions += [one for one in list_versions(workspace) if one not in versions]
    versions = [one for one in versions if one.facts.get("recipe", {}).get("strategy") != ADDED]
    runs = [run for run in list_trained(workspace) if run.state == "done"]
    names = {one.label: f"{one.label} · {one.name}" for one in versions}
    names |= {run.id: describe_run(run) for run in runs}
    st.subheader("Export", anchor=False)
    st.caption("A zip for other programs: the model with its preprocessing, and a model card.")
    if not names:
        st.markdown("There is nothing to export yet: train a run first.")
        return
    with report_errors():
        if not workspace.read_only:
            with st.container(border=True):
                _show_form(names, version)
        for identifier in list_going(workspace):
            follow_job(workspace.export_folder(identifier), "Exporting")
        asked = read_choice(_JOB)
        job = read_job(workspace.export_folder(asked)) if asked else None
        if job is not None and job.state == "failed":
            show_problem(job.problem, job.remedy)
        for record in list_exports(workspace):
            with st.container(border=True, key=f"export-{record.id}"):
                _show_export(record, is_new=record.id == asked)


def _show_form(names: dict[str, str], version: ModelVersion | None) -> None:
    """Draw the model, the formats and the button."""
    # Another version on the page is another picker, which begins with that one.
    key = f"export.model.{version.label if version else ''}"
    if st.session_state.get(key) not in names:
        st.session_state.pop(key, None)
    model = pick_named("Model", names, key=key)
    formats = st.pills(
        "Formats",
        FORMATS,
        selection_mode="multi",
        default=_STANDARD,
        format_func=lambda name: FACTS[name].label,
        key="export.formats",
        help="\n".join(f"- **{FACTS[name].label}**: {FACTS[name].purpose}" for name in FORMATS),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(
            "Make the zip", type="primary", icon=":material/package_2:", disabled=not formats
        )
        st.caption(
            f"About {size(len(formats) * _BYTES)}, up to two minutes."
            if formats
            else "Choose a format."
        )
    if clicked:
        keep_choice(_JOB, start_export(cache.workspace(), model, formats))
        st.rerun()


def _show_export(record: ExportRecord, *, is_new: bool) -> None:
    file = find_zip(cache.workspace(), record)
    held = [FACTS[name].label if name in FACTS else name for name in record.formats]
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container():
            st.markdown(f"**{plain(record.title)}**: {', '.join(held)}")
            st.caption(f"{size(record.bytes)} · {moment(record.created)}")
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
            st.markdown(f"Delete this zip ({size(record.bytes)})? The model stays.")
            if st.button(
                "Delete for good",
                type="primary",
                icon=":material/delete_forever:",
                key=f"export.delete.{record.id}",
            ):
                with report_errors():
                    delete_export(cache.workspace(), record.id)
                    st.rerun()
    with st.expander("Details"):
        st.code(str(file), language=None, wrap_lines=True)
        st.caption(f"SHA-256 `{record.sha256}`")


class MappedFile(io.RawIOBase):
    """A file for the download button, which reads it at once: mapped, it needs no memory."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        with path.open("rb") as file:
            self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: ARG002
        """Return 0: it is only read from its beginning."""
        return 0

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002
        """Return the whole content, as a view."""
        return self._view  # type: ignore[return-value]  # used like bytes, and copied nowhere
