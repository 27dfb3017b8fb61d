"""The ways to bring photos in, one form each; what is typed stays there for the session.

A button starts the import and puts its id into the URL. The sample is kept at once; of anything
else the page shows a report first.
"""

import os
import shutil
from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.config import read_settings
from core.datasets.importing import ImportJob, start_import
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.parts.state import keep_choice
from data.sources.catalogue import SourceRequest

IMPORT = "import"

WAYS = {
    "sample": "Sample flowers",
    "upload": "Upload an archive",
    "auto": "Path on this machine",
    "csv": "CSV",
    "oxford102": "Oxford 102",
    "flower_photos": "flower_photos",
}
_HERE, _APART, _FETCH = "In one folder", "Three files", "Download"
_LAYOUT = "One folder a class, or train, validation and test folders of classes."
Filed = Literal["path", "images", "labels", "splits", "names"]


def show_ways() -> None:
    """Draw the choice of a way, and its form."""
    way = st.segmented_control(
        "Where the photos come from",
        list(WAYS),
        default="sample",
        required=True,
        format_func=lambda key: WAYS[key],
        key="adding.way",
        persist_state="session",
    )
    {
        "sample": _offer_sample,
        "upload": _offer_upload,
        "auto": _offer_path,
        "csv": _offer_csv,
        "oxford102": _offer_oxford,
        "flower_photos": _offer_flower_photos,
    }[way]()


def _offer_sample() -> None:
    st.write(
        "Five classes of drawn flowers, 100 photos each, with a few planted faults. "
        "Drawn on this machine in some seconds; no network needed."
    )
    if st.button("Draw the sample", type="primary", icon=":material/local_florist:"):
        _begin(ImportJob(request=SourceRequest(kind="sample"), keep=True))


def _offer_upload() -> None:
    limit_mb = min(read_settings().upload_limit_mb, int(st.get_option("server.maxUploadSize")))
    upload = st.file_uploader(
        "A .zip or .tgz",
        type=["zip", "tgz", "gz", "tar"],
        key="adding.upload",
        max_upload_size=limit_mb,
        help=_LAYOUT,
    )
    st.caption(
        "The limit is set by PETALSCOPE_UPLOAD_LIMIT_MB. An upload that breaks off begins again "
        "from its start: a large archive that lies on this machine is better named under "
        "“Path on this machine”, which needs no upload."
    )
    name, seed = _ask_name_and_seed()
    if upload is None:
        return
    if upload.size > limit_mb * 2**20:
        show_problem(
            f"“{upload.name}” has {upload.size / 2**20:,.0f} MB; at most {limit_mb:,} are taken.",
            "Set PETALSCOPE_UPLOAD_LIMIT_MB higher, or copy the archive to this machine and name "
            "its path under “Path on this machine”.",
        )
    elif st.button("Read the archive", type="primary"):
        request = SourceRequest(kind="archive", path=str(_keep_upload(upload)))
        name = name or Path(upload.name).name.split(".")[0]
        _begin(ImportJob(request=request, name=name, split_seed=seed, remove_source=True))


def _offer_path() -> None:
    path = _ask_path("auto", "path", "Path of the folder or archive", "/home/me/flowers")
    st.caption(f"{_LAYOUT} The photos are only read; nothing in the folder is changed.")
    name, seed = _ask_name_and_seed()
    if _ask_start("Read the photos", ready=bool(path)):
        _begin(ImportJob(request=SourceRequest(path=path), name=name, split_seed=seed))


def _offer_csv() -> None:
    path = _ask_path("csv", "path", "Path of the CSV", "/home/me/flowers.csv")
    st.caption(
        "Columns path and class, and split if you like (train, validation, test). Paths are "
        "absolute, or relative to the folder of the CSV."
    )
    name, seed = _ask_name_and_seed()
    if _ask_start("Read the photos", ready=bool(path)):
        request = SourceRequest(kind="csv", path=path)
        _begin(ImportJob(request=request, name=name, split_seed=seed))


def _offer_oxford() -> None:
    st.write(
        "8,189 photos of 102 kinds of flowers, as their makers publish them: 102flowers.tgz, "
        "imagelabels.mat and setid.mat."
    )
    where = _ask_where("oxford102", (_HERE, _APART, _FETCH))
    files: dict[Filed, str] = {}
    if where == _HERE:
        fields: tuple[tuple[Filed, str, str], ...] = (("path", "Folder with the three files", ""),)
    elif where == _APART:
        fields = (
            ("images", "Photos", "/102flowers.tgz"),
            ("labels", "Labels", "/imagelabels.mat"),
            ("splits", "Official split", "/setid.mat"),
        )
    else:
        fields = ()
        st.caption("345 MB, kept in the workspace; a download that breaks off goes on.")
    for field, label, file in fields:
        files[field] = _ask_path("oxford102", field, label, f"/home/me/oxford102{file}")
    own = _ask_splits()
    names = _ask_path("oxford102", "names", "Your own class names, if you like", "/…/mapping.json")
    name, seed = _ask_name_and_seed()
    label = "Download and read" if where == _FETCH else "Read the photos"
    if _ask_start(label, ready=all(files.values())):
        request = SourceRequest(kind="oxford102", **files, names=names, own_split=own)
        _begin(ImportJob(request=request, name=name, split_seed=seed))


def _ask_splits() -> bool:
    """Return whether our own splits are drawn instead of the official ones."""
    return st.radio(
        "Splits",
        (False, True),
        format_func=lambda own: "Our own, stratified" if own else "The official split",
        captions=("1,020 train, 1,020 validation, 6,149 test", "70, 15 and 15 % of each class"),
        horizontal=True,
        key="adding.own_split",
        persist_state="session",
    )


def _offer_flower_photos() -> None:
    st.write("3,670 photos of five kinds of flowers, in one archive. It comes without splits.")
    where = _ask_where("flower_photos", (_HERE, _FETCH))
    path = ""
    if where == _HERE:
        path = _ask_path(
            "flower_photos", "path", "Path of the archive", "/home/me/flower_photos.tgz"
        )
    else:
        st.caption("229 MB, kept in the workspace; a download that breaks off goes on.")
    name, seed = _ask_name_and_seed()
    label = "Download and read" if where == _FETCH else "Read the photos"
    if _ask_start(label, ready=bool(path) or where == _FETCH):
        request = SourceRequest(kind="flower_photos", path=path)
        _begin(ImportJob(request=request, name=name, split_seed=seed))


def _ask_where(way: str, choices: tuple[str, ...]) -> str:
    named = {_HERE: "In a folder on this machine", _APART: "Three files on this machine"}
    if way == "flower_photos":
        named[_HERE] = "On this machine"
    return st.radio(
        "The files",
        choices,
        format_func=lambda choice: named.get(choice, choice),
        horizontal=True,
        key=f"adding.{way}.where",
        persist_state="session",
    )


def _ask_path(way: str, field: Filed, label: str, placeholder: str) -> str:
    """Return an absolute path, or "" while the field is empty."""
    key = f"adding.{way}.{field}"
    typed = st.text_input(label, placeholder=placeholder, key=key, persist_state="session").strip()
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

    Not a disabled button: the click that leaves a field just filled in would be lost on it.
    """
    if not st.button(label, type="primary"):
        return False
    if not ready:
        show_problem("A path is missing.", "Type where the photos lie on this machine.")
    return ready


def _keep_upload(upload: UploadedFile) -> Path:
    suffix = "".join(Path(upload.name).suffixes[-2:]).lower()
    safe = suffix if suffix in (".zip", ".tgz", ".tar.gz", ".tar") else ".archive"
    target = cache.workspace().temporary / f"upload-{os.urandom(6).hex()}{safe}"
    with target.open("wb") as file:
        shutil.copyfileobj(upload, file, 2**20)
    return target


def _begin(job: ImportJob) -> None:
    keep_choice(IMPORT, start_import(cache.workspace(), job))
    st.rerun()
