"""The forms of all sources, as each states it; a button starts the import, its id in the URL."""

import os
import re
import shutil
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.datasets.importing import ImportJob, start_import
from core.formats import plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice
from data.sources.catalogue import SOURCES, find_import_folders
from data.sources.found import Field, SourceKind, SourceRequest, Way
from data.sources.layout import LAYOUTS

IMPORT = "import"
UPLOAD = "upload"
_LONGEST = 100
"""Characters of an upload's name that are kept: the last ones, which say what it is."""


def show_ways() -> None:
    """Draw the choice of a source, and its form."""
    titles = {"sample": SOURCES["sample"].title, UPLOAD: "Upload an archive"}
    titles |= {kind: source.title for kind, source in SOURCES.items() if source.ways}
    kind = st.segmented_control(
        "Where the photos come from",
        list(titles),
        default="sample",
        required=True,
        format_func=lambda key: titles[key],
        key="adding.way",
        persist_state="session",
    )
    if kind == UPLOAD:
        _offer_upload()
    else:
        _offer_source(SOURCES[kind])


def _offer_source(source: SourceKind) -> None:
    if source.about:
        st.write(source.about)
    way = source.ways[0] if len(source.ways) == 1 else _ask_way(source)
    if source.kind == "sample":
        if st.button(way.button, type="primary", icon=":material/local_florist:"):
            _begin(ImportJob(request=SourceRequest(kind="sample"), keep=True))
        return
    paths = {field.name: _ask_path(source, field) for field in way.fields}
    if way.note:
        st.caption(way.note)
    if way.fields:
        folders = ", ".join(map(str, find_import_folders())) or "no folder"
        st.caption(
            plain(f"Paths below {folders}."),
            help="PETALSCOPE_IMPORT_FOLDERS names the folders that pages may read; links that "
            "lead out of them are not followed.",
        )
    own = _ask_splits(source) if source.official_split else False
    optional = {field.name: _ask_path(source, field) for field in source.optional}
    name, seed = _ask_name_and_seed()
    if _ask_start(way.button, ready=all(paths.values())):
        request = SourceRequest(
            kind=source.kind, own_split=own, from_page=True, **paths, **optional
        )
        _begin(ImportJob(request=request, name=name, split_seed=seed))


def _offer_upload() -> None:
    upload = st.file_uploader(
        "A .zip or .tgz",
        type=["zip", "tgz", "gz", "tar"],
        key="adding.upload",
        help=LAYOUTS,
    )
    st.caption(
        "An upload that breaks off starts again from the beginning. If the archive is on this "
        "machine, name its path under “Path on this machine” instead: that needs no upload."
    )
    name, seed = _ask_name_and_seed()
    if upload is None:
        return
    if st.button("Read the archive", type="primary"):
        request = SourceRequest(kind="archive", path=str(_keep_upload(upload)))
        name = name or Path(upload.name).name.split(".")[0]
        _begin(ImportJob(request=request, name=name, split_seed=seed, remove_source=True))


def _ask_splits(source: SourceKind) -> bool:
    """Return whether our own splits are drawn instead of the official ones."""
    return st.radio(
        "Splits",
        (False, True),
        format_func=lambda own: "Our own, stratified" if own else "The official split",
        captions=(source.official_split, "70, 15 and 15 % of each class"),
        horizontal=True,
        key="adding.own_split",
        persist_state="session",
    )


def _ask_way(source: SourceKind) -> Way:
    ways = {way.key: way for way in source.ways}
    key = st.radio(
        "The files",
        list(ways),
        format_func=lambda key: ways[key].title,
        horizontal=True,
        key=f"adding.{source.kind}.where",
        persist_state="session",
    )
    return ways[key]


def _ask_path(source: SourceKind, field: Field) -> str:
    """Return an absolute path, or "" while the field is empty."""
    typed = st.text_input(
        field.label,
        placeholder=field.placeholder,
        key=f"adding.{source.kind}.{field.name}",
        persist_state="session",
    ).strip()
    # Not Path.expanduser, which raises for a user that is not there.
    return os.path.abspath(os.path.expanduser(typed)) if typed else ""  # noqa: PTH100, PTH111


def _ask_name_and_seed() -> tuple[str | None, int]:
    with st.container(horizontal=True):
        name = st.text_input("Name", placeholder="as the source", key="adding.name", width=320)
        seed = st.number_input(
            "Seed of drawn splits",
            min_value=0,
            value=0,
            step=1,
            key="adding.seed",
            help="Where the source has no splits, 70, 15 and 15 % of each class are drawn.",
            width=200,
            persist_state="session",
        )
    return name.strip() or None, seed


def _ask_start(label: str, *, ready: bool) -> bool:
    """Return whether to begin; a click before the paths are there says so.

    Not a disabled button: the click that leaves a field would be lost on it.
    """
    if not st.button(label, type="primary"):
        return False
    if not ready:
        show_problem("A path is missing.", "Type where the photos lie on this machine.")
    return ready


def _keep_upload(upload: UploadedFile) -> Path:
    name = re.sub(r"[^\w .()+-]", "_", Path(upload.name).name)[-_LONGEST:]
    target = cache.workspace().temporary / f"upload-{os.urandom(6).hex()}-{name}"
    with target.open("wb") as file:
        shutil.copyfileobj(upload, file, 2**20)
    return target


def _begin(job: ImportJob) -> None:
    keep_choice(IMPORT, start_import(cache.workspace(), job))
    st.rerun()
