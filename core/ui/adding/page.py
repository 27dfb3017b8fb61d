"""Adding photos: the forms of all sources, the running import (its id is in the URL), the decision.

Each source states its form in `data/sources`.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.datasets.importing import (
    ImportJob,
    ImportStatus,
    discard_import,
    keep_import,
    list_waiting,
    read_import,
    restart_import,
    start_import,
)
from core.errors import BadIdentifier, ImportFailed
from core.formats import count, plain, size
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.live_state import show_job
from core.ui.parts.messages import report_errors, show_problem
from core.ui.parts.state import keep_choice, read_choice
from data.manifest import list_datasets
from data.report import ImportReport
from data.sources.catalogue import SOURCES, find_import_folders
from data.sources.found import Field, SourceKind, SourceRequest
from data.sources.layout import LAYOUTS
from data.splits import SPLITS

IMPORT, UPLOAD = "import", "upload"
_LONGEST = 100
"""Stored characters of an upload's name, counted from its end."""


def show_adding() -> None:
    """Draw the forms of all sources, or the running import; end a page without any dataset."""
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
        keep_choice(IMPORT, None)  # the address names an unknown import
        show_problem(error.problem, error.remedy)
    if status is None:
        for waiting in list_waiting(workspace):
            _show_waiting(waiting)
        if has_datasets:
            with st.expander("Add a dataset", icon=":material/add_photo_alternate:"):
                _show_sources()
        else:  # not an expander with `expanded=True`: a cold link sometimes draws it folded
            with st.container(border=True):
                st.subheader("Add a dataset", anchor=False)
                _show_sources()
    elif status.state == "running":
        st.fragment(_watch_import, run_every="0.5s")(status.id)
    elif status.state == "ready" and status.report is not None:
        _show_decision(status, status.report)
        st.stop()
    elif status.dataset_id is not None:
        _open_dataset(status.dataset_id)
    elif readings := status.result.get("readings"):
        _show_readings(status, readings)
    else:
        st.caption(f"Import of {plain(status.job.request.path or name_import(status))}")
        show_problem(status.problem, status.remedy)
        if st.button("Back", icon=":material/arrow_back:"):
            _discard(status.id)
    if not has_datasets:
        st.stop()


def _show_waiting(status: ImportStatus) -> None:
    """Draw an import of another tab or an earlier visit."""
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        state = "is being read" if status.state == "running" else "is read: keep it or discard it"
        st.write(f"**{plain(name_import(status), 80)}** {state}.")
        if st.button("Show", key=f"adding.show.{status.id}"):
            keep_choice(IMPORT, status.id)
            st.rerun()


def name_import(status: ImportStatus) -> str:
    """Return a name for an import before its dataset has one."""
    request = status.job.request
    named = status.report.name if status.report else status.job.name
    path = request.path.rstrip("/").rpartition("/")[2]
    return named or path or SOURCES[request.kind].title


def _watch_import(import_id: str) -> None:
    status = read_import(cache.workspace(), import_id)
    if status.state != "running":
        st.rerun()  # the whole page: polling stops
    with st.container(border=True):
        show_job(plain(name_import(status), 80), status, "photo")
        st.caption("You may close this page; the import continues.")
        if st.button("Stop", icon=":material/stop:"):
            _discard(import_id)


def _show_decision(status: ImportStatus, report: ImportReport) -> None:
    """Draw the result of reading a source, and the buttons that keep or discard it."""
    with st.container(border=True):
        st.subheader(f"Keep “{plain(report.name, 80)}”?", anchor=False)
        skipped = f", {report.set_aside:,} skipped" if report.set_aside else ""
        if report.already_imported:
            sentence = "A dataset of the same photos, classes and splits is already here."
            st.info(sentence, icon=":material/content_copy:")
        else:
            photos = count(report.photos, "photo")
            st.write(f"{photos} read{skipped}. Nothing is saved until you keep it.")
        with st.container(horizontal=True):
            label = "Open the dataset" if report.already_imported else "Keep this dataset"
            keep = st.button(label, type="primary", icon=":material/check:")
            discard = st.button("Discard", icon=":material/delete:")
        for head in report.groups:
            sentence = f"Keep the photos of each “{plain(head, 40)}” in one split"
            if st.button(sentence, icon=":material/join_inner:", key=f"adding.group.{head}"):
                _follow(restart_import(cache.workspace(), status, group=head, own_split=True))
        if keep:
            with report_errors():
                _open_dataset(keep_import(cache.workspace(), status.id).id)
        if discard:
            _discard(status.id)
        _show_report(report)


def _show_readings(status: ImportStatus, readings: Sequence[tuple[str, str, str]]) -> None:
    """Draw the question how the folders of a source are meant."""
    known = {name: (sentence, tree) for name, sentence, tree in readings}
    with st.container(border=True):
        st.subheader(f"How are the folders of “{plain(name_import(status), 60)}” meant?")
        st.write(plain(status.problem))
        chosen = st.radio(
            "Meaning of the folders",
            list(known),
            format_func=lambda name: plain(known[name][0]),
            label_visibility="collapsed",
            key=f"adding.layout.{status.id}",
        )
        if tree := known[chosen][1]:
            st.code(tree, language=None)
        with st.container(horizontal=True):
            if st.button("Read the photos", type="primary", icon=":material/check:"):
                _follow(restart_import(cache.workspace(), status, layout=chosen))
            if st.button("Back", icon=":material/arrow_back:"):
                _discard(status.id)


def _discard(import_id: str) -> None:
    keep_choice(IMPORT, None)
    with report_errors():
        discard_import(cache.workspace(), import_id)
    st.rerun()


def _open_dataset(dataset_id: str) -> None:
    keep_choice(IMPORT, None)
    keep_choice("dataset", dataset_id)
    st.rerun()


def _show_report(report: ImportReport) -> None:
    figures = {"Photos": report.photos, "Classes": len(report.classes)}
    figures |= {split.capitalize(): report.count_split(split) for split in SPLITS}
    figures |= {"Skipped": report.set_aside, "Exact copies": report.exact_duplicates}
    show_metrics({name: f"{number:,}" for name, number in figures.items()})
    st.caption(
        f"From {plain(report.source)} · splits: {plain(report.split_origin)} · {size(report.bytes)}"
    )
    if report.layout:
        st.markdown(f"**Folders read as:** {plain(report.layout)}")
    if report.tree:
        st.code(report.tree, language=None, height=240)
    for note in report.notes:
        st.markdown(f":material/info: {plain(note)}")
    st.dataframe(
        pd.DataFrame(
            [(row.name, row.photos, row.train, row.validation, row.test) for row in report.classes],
            columns=["Class", "Photos", *(split.capitalize() for split in SPLITS)],
        ),
        hide_index=True,
        column_config={"Class": st.column_config.TextColumn(width="medium")},
        alt="Photos of each class in each split",
    )
    if report.set_aside:
        shown = len(report.refused)
        first = f"; the first {shown}" if shown < report.set_aside else ""
        st.markdown(f"**{count(report.set_aside, 'file')} skipped{first}**")
        show_skipped([(one.path, one.class_name, one.problem) for one in report.refused])


def show_skipped(rows: Sequence[tuple[str, str, str]]) -> None:
    """Draw skipped files: path, class and reason of each."""
    st.dataframe(
        pd.DataFrame(rows, columns=["File", "Class", "Reason"]),
        hide_index=True,
        column_config={"Reason": st.column_config.TextColumn(width="large")},
        alt="Skipped files, with the reason",
    )


def _show_sources() -> None:
    """Draw the choice of a source, and its form."""
    titles = {"sample": SOURCES["sample"].title, UPLOAD: "Upload an archive"}
    titles |= {kind: source.title for kind, source in SOURCES.items() if source.ways}
    kind = st.segmented_control(
        "Where the photos come from",
        list(titles),
        default="sample",
        required=True,
        format_func=titles.__getitem__,
        key="adding.way",
        persist_state="session",
    )
    if kind == UPLOAD:
        _show_upload()
    else:
        _show_form(SOURCES[kind])


def _show_upload() -> None:
    upload = st.file_uploader(
        "A .zip or .tgz", type=["zip", "tgz", "gz", "tar"], key="adding.upload", help=LAYOUTS
    )
    st.caption(
        "A broken upload starts again from the beginning. For an archive on this machine use "
        "“Path on this machine” instead."
    )
    name, seed = _ask_name_and_seed()
    if upload is None:
        return
    if st.button("Read the archive", type="primary"):
        request = SourceRequest(kind="archive", path=str(_store_upload(upload)))
        name = name or Path(upload.name).name.split(".")[0]
        _start(ImportJob(request=request, name=name, split_seed=seed, remove_source=True))


def _show_form(source: SourceKind) -> None:
    """Draw the form that a source states."""
    if source.about:
        st.write(source.about)
    ways = {way.title: way for way in source.ways}
    way = source.ways[0]
    if source.kind == "sample":
        if st.button(way.button, type="primary", icon=":material/local_florist:"):
            _start(ImportJob(request=SourceRequest(kind="sample"), keep=True))
        return
    if len(ways) > 1:
        title = st.radio(
            "The files",
            list(ways),
            horizontal=True,
            key=f"adding.{source.kind}.where",
            persist_state="session",
        )
        way = ways[title]
    paths = {field.name: _ask_path(source, field) for field in way.fields}
    if way.note:
        st.caption(way.note)
    if way.fields:
        folders = ", ".join(map(str, find_import_folders())) or "no folder"
        st.caption(
            plain(f"Paths below {folders}."),
            help="PETALSCOPE_IMPORT_FOLDERS names the folders that pages may read. Links out of "
            "them are not followed.",
        )
    own = source.official_split != "" and st.radio(
        "Splits",
        (False, True),
        format_func=lambda own: "Drawn, stratified" if own else "The official split",
        captions=(source.official_split, "70, 15 and 15 % of each class"),
        horizontal=True,
        key="adding.own_split",
        persist_state="session",
    )
    optional = {field.name: _ask_path(source, field) for field in source.optional}
    name, seed = _ask_name_and_seed()
    # Never disabled: the click that leaves a field would be lost on a disabled button.
    if not st.button(way.button, type="primary"):
        return
    if not all(paths.values()):
        show_problem("A path is missing.", "Type the path of the photos on this machine.")
        return
    request = SourceRequest(kind=source.kind, own_split=own, from_page=True, **paths, **optional)
    _start(ImportJob(request=request, name=name, split_seed=seed))


def _ask_path(source: SourceKind, field: Field) -> str:
    """Return an absolute path, or "" while the field is empty."""
    typed = st.text_input(
        field.label,
        placeholder=field.placeholder,
        key=f"adding.{source.kind}.{field.name}",
        persist_state="session",
    ).strip()
    # Not Path.expanduser, which raises for an unknown user.
    return os.path.abspath(os.path.expanduser(typed)) if typed else ""  # noqa: PTH100, PTH111


def _ask_name_and_seed() -> tuple[str | None, int]:
    with st.container(horizontal=True):
        name = st.text_input("Name", placeholder="like the source", key="adding.name", width=320)
        seed = st.number_input(
            "Seed of drawn splits",
            min_value=0,
            value=0,
            step=1,
            key="adding.seed",
            help="For sources without splits: 70, 15 and 15 % of each class are drawn.",
            width=200,
            persist_state="session",
        )
    return name.strip() or None, seed


def _store_upload(upload: UploadedFile) -> Path:
    name = re.sub(r"[^\w .()+-]", "_", Path(upload.name).name)[-_LONGEST:]
    target = cache.workspace().temporary / f"upload-{os.urandom(6).hex()}-{name}"
    with target.open("wb") as file:
        shutil.copyfileobj(upload, file, 2**20)
    return target


def _start(job: ImportJob) -> None:
    _follow(start_import(cache.workspace(), job))


def _follow(import_id: str) -> None:
    keep_choice(IMPORT, import_id)
    st.rerun()
