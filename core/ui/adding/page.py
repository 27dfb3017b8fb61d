"""Bringing photos in: the ways, the import that goes (its id is in the URL), the decision."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.importing import (
    ImportStatus,
    discard_import,
    keep_import,
    list_waiting,
    read_import,
)
from core.errors import BadIdentifier, ImportFailed
from core.formats import count, plain, size
from core.ui.adding.ways import IMPORT, show_ways
from core.ui.parts import cache
from core.ui.parts.live_state import show_job
from core.ui.parts.messages import report_errors, show_problem
from core.ui.parts.state import keep_choice, read_choice
from data.manifest import list_datasets
from data.report import REFUSED_SHOWN, ImportReport
from data.sources.catalogue import SOURCES
from data.splits import SPLITS

_ROW_PX, _MOST_ROWS = 35, 12


def show_adding() -> None:
    """Draw the ways to add a dataset, or the import that goes; end a page that has none."""
    workspace, status = cache.workspace(), None
    has_datasets = bool(list_datasets(workspace))
    if workspace.read_only:
        if not has_datasets:
            st.info("No dataset yet: an editor may add one.", icon=":material/photo_library:")
            st.stop()
        return
    try:
        if import_id := read_choice(IMPORT):
            status = read_import(workspace, import_id)
    except (BadIdentifier, ImportFailed) as error:
        keep_choice(IMPORT, None)  # the address names no import here
        show_problem(error.problem, error.remedy)
    if status is None:
        _show_place(list_waiting(workspace), folded=has_datasets)
    elif status.state == "going":
        st.fragment(_watch_import, run_every="0.5s")(status.id)
    elif status.state == "ready":
        _show_decision(status)
        st.stop()
    elif status.dataset_id is not None:
        _open_dataset(status.dataset_id)
    else:
        st.caption(f"Import of {plain(status.job.request.path or name_import(status))}")
        show_problem(status.problem, status.remedy)
        if st.button("Back", icon=":material/arrow_back:"):
            _forget(status.id)
    if not has_datasets:
        st.stop()


def _show_place(imports: Sequence[ImportStatus], *, folded: bool) -> None:
    """Draw imports that go or wait for a decision, and the ways to begin another."""
    for waiting in imports:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            said = "is being read" if waiting.state == "going" else "was read and waits for you"
            st.write(f"**{plain(name_import(waiting), 80)}** {said}.")
            if st.button("Show it", key=f"adding.show.{waiting.id}"):
                keep_choice(IMPORT, waiting.id)
                st.rerun()
    with _open_place(folded=folded):
        show_ways()


def _open_place(*, folded: bool) -> DeltaGenerator:
    """Return where the ways are drawn: folded away, but in the open while there is no dataset.

    Not an expander with `expanded=True`: a cold link sometimes draws it folded.
    """
    if folded:
        return st.expander("Add a dataset", icon=":material/add_photo_alternate:")
    place = st.container(border=True)
    place.subheader("Add a dataset", anchor=False)
    return place


def name_import(status: ImportStatus) -> str:
    """Return what to call an import before its dataset has a name."""
    request = status.job.request
    named = status.report.name if status.report else status.job.name
    path = request.path.rstrip("/").rpartition("/")[2]
    return named or path or SOURCES[request.kind].title


def _watch_import(import_id: str) -> None:
    status = read_import(cache.workspace(), import_id)
    if status.state != "going":
        st.rerun()  # the whole page: polling stops
    with st.container(border=True):
        show_job(plain(name_import(status), 80), status, "photo")
        st.caption("It goes on when you close this page.")
        if st.button("Stop", icon=":material/stop:"):
            _forget(import_id)


def _show_decision(status: ImportStatus) -> None:
    assert status.report is not None
    with st.container(border=True):
        st.subheader(f"Keep “{plain(status.report.name, 80)}”?", anchor=False)
        if status.report.already_imported:
            st.info(
                "The same photos, classes and splits are here already: nothing would change.",
                icon=":material/content_copy:",
            )
        else:
            st.write("All photos were read. Nothing is in the workspace before you keep it.")
        with st.container(horizontal=True):
            label = "Open the dataset" if status.report.already_imported else "Keep this dataset"
            keep = st.button(label, type="primary", icon=":material/check:")
            discard = st.button("Discard", icon=":material/delete:")
        if keep:
            with report_errors():
                _open_dataset(keep_import(cache.workspace(), status.id).id)
        if discard:
            _forget(status.id)
        _show_report(status.report)


def _forget(import_id: str) -> None:
    keep_choice(IMPORT, None)
    with report_errors():
        discard_import(cache.workspace(), import_id)
    st.rerun()


def _open_dataset(dataset_id: str) -> None:
    keep_choice(IMPORT, None)
    keep_choice("dataset", dataset_id)
    st.rerun()


def _show_report(report: ImportReport) -> None:
    """Draw what an import would bring."""
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos", f"{report.photos:,}", width="content")
        st.metric("Classes", f"{len(report.classes):,}", width="content")
        for split in SPLITS:
            st.metric(split.capitalize(), f"{report.count_split(split):,}", width="content")
        st.metric("Set aside", f"{report.set_aside:,}", width="content")
        st.metric(
            "Duplicates",
            f"{report.exact_duplicates:,}",
            width="content",
            help="Photos that are, byte for byte, a copy of another one. They are kept; the page "
            "Quality shows them side by side.",
        )
    st.caption(
        f"From {plain(report.source)} · splits: {plain(report.split_origin)} · {size(report.bytes)}"
    )
    for note in report.notes:
        st.markdown(f":material/info: {plain(note)}")
    _show_classes(report)
    _show_set_aside(report)


def _show_classes(report: ImportReport) -> None:
    table = pd.DataFrame(
        [(row.name, row.photos, row.train, row.validation, row.test) for row in report.classes],
        columns=["Class", "Photos", *(split.capitalize() for split in SPLITS)],
    )
    rows = min(len(table), _MOST_ROWS)
    st.dataframe(
        table,
        hide_index=True,
        height=(rows + 1) * _ROW_PX + 3,
        column_config={"Class": st.column_config.TextColumn(width="medium")},
        alt="Photos of each class in each split",
    )


def _show_set_aside(report: ImportReport) -> None:
    if not report.set_aside:
        return
    shown = min(report.set_aside, REFUSED_SHOWN)
    first = f"; the first {shown}" if shown < report.set_aside else ""
    st.markdown(f"**{count(report.set_aside, 'file')} would be set aside{first}**")
    table = pd.DataFrame(
        [(photo.path, photo.class_name, photo.problem) for photo in report.refused],
        columns=["File", "Class", "Reason"],
    )
    st.dataframe(
        table,
        hide_index=True,
        height=(min(shown, _MOST_ROWS) + 1) * _ROW_PX + 3,
        column_config={"Reason": st.column_config.TextColumn(width="large")},
        alt="Files that would be set aside, with the reason",
    )
