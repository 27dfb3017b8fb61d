"""The versions of a dataset: their origin, differences, names, and how to delete one."""

import zlib
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.versions import delete_version, describe_uses, list_uses
from core.exact.whatif import describe_effect
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.charts import show_metrics
from core.ui.parts.messages import report_errors, show_problem, tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named, pick_one
from core.ui.parts.state import bind_choice, choose_from, keep_choice, read_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.wall import Wall, show_wall
from core.ui.wall.showing import Describe
from data.additions import count_added
from data.dataset import Dataset
from data.manifest import (
    DatasetSummary,
    Differences,
    compare_versions,
    list_datasets,
    list_lineage,
    rename_dataset,
)
from data.versions import count_changes, read_changes


class VersionsPage(NamedTuple):
    """The versions of a dataset, and its comparison with another dataset."""

    dataset: Dataset
    versions: list[DatasetSummary]
    others: Mapping[str, DatasetSummary]
    """Datasets to compare with: the parent first, then other versions, then the rest."""
    other: str | None


def read_versions_page(dataset: Dataset) -> VersionsPage:
    """Read the versions of a dataset, and the dataset that the address compares it with."""
    workspace = cache.workspace()
    versions = list_lineage(workspace, dataset.id)
    family = {version.id for version in versions}
    known = [one for one in list_datasets(workspace) if not one.problem and one.id != dataset.id]
    known.sort(key=lambda one: (one.id != dataset.parent, one.id not in family))
    others = {one.id: one for one in known}
    other = choose_from("with", others, next(iter(others), None))
    return VersionsPage(dataset, versions, others, other)


@st.cache_resource(max_entries=4, show_spinner="Comparing …")
def _compare(before: str, after: str) -> Differences:
    return compare_versions(cache.dataset(before), cache.dataset(after))


_KINDS = ("relabelled", "moved", "added", "removed")
_TYPED = "versions.typed"


def show_versions(dataset: Dataset) -> None:
    """Draw the versions of a dataset, its name, and the comparison with another."""
    page = read_versions_page(dataset)
    st.subheader("Versions", anchor=False)
    if len(page.versions) == 1:
        st.caption(
            "One version. Applying edits makes a new version; this one stays, with its runs."
        )
    for version in page.versions:
        _show_version(page, version)
    _show_names(dataset)
    if page.other is not None:
        st.subheader("Compare", anchor=False)
        names = {key: f"{describe_dataset(one)} · {key[:6]}" for key, one in page.others.items()}
        bound = bind_choice("with", page.other, key=f"versions.with.{dataset.id}")
        pick_named("Compare with", names, width=520, **bound)
        keep_choice("with", page.other)
        _show_differences(cache.dataset(page.other), dataset)
    show_photo_panel(dataset)


def _show_version(page: VersionsPage, version: DatasetSummary) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(_title(version))
            st.caption(_describe(version))
            if version.parent and not version.problem:
                told = describe_effect(cache.workspace(), cache.dataset(version.id))
                if told:
                    st.caption(f":material/query_stats: {told}")
        if version.id == page.dataset.id:
            st.badge("shown here", icon=":material/check:", color="green")
        elif not version.problem:
            st.button(
                "Show",
                key=f"versions.show.{version.id}",
                on_click=partial(keep_choice, "dataset", version.id),
            )
        _show_delete(version)


def _title(version: DatasetSummary) -> str:
    number = f"version {version.edition}"
    return f"**{plain(version.name)}**" + ("" if number in version.name else f" · {number}")


def _describe(version: DatasetSummary) -> str:
    if version.problem:
        return f":orange[{plain(version.problem)}]"
    facts = [
        count(version.photos, "photo"),
        count(version.classes, "class"),
        f"{version.created[:16].replace('T', ' ')} UTC",
        version.id,
    ]
    if version.parent:
        made = cache.dataset(version.id)
        changes = {"added": count_added(made)} | count_changes(read_changes(made))
        done = [f"{number:,} {what}" for what, number in changes.items() if number]
        facts.insert(0, f"{', '.join(done)} since version {version.edition - 1}")
    return " · ".join(facts)


@cache.for_editors
def _show_names(dataset: Dataset) -> None:
    """Draw the name, to be changed; a typed name wins over one that changed in another window."""
    key = f"versions.name.{dataset.id}.{zlib.crc32(dataset.name.encode())}"

    def take() -> None:  # a name that changed elsewhere gives the field another key
        st.session_state[_TYPED] = st.session_state[key].strip()

    with (
        st.form("versions.rename", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input("Name", dataset.name, max_chars=100, width=420, key=key)
        st.form_submit_button("Rename", icon=":material/edit:", on_click=take)
    name = st.session_state.pop(_TYPED, dataset.name)
    if not name:
        show_problem("A version needs a name.", "Type one, and press Rename.")
    elif name != dataset.name:
        rename_dataset(cache.workspace(), dataset.id, name)
        tell_after_rerun(f"The version is now called “{plain(name)}”.")
        st.rerun()


def _show_differences(before: Dataset, after: Dataset) -> None:
    differences = _compare(before.id, after.id)
    tables = {kind: getattr(differences, kind) for kind in _KINDS}
    figures = {kind.capitalize(): f"{len(table):,}" for kind, table in tables.items()}
    show_metrics(figures | {"Unchanged": f"{differences.unchanged:,}"})
    for words, names in (("New", differences.new_classes), ("Gone", differences.gone_classes)):
        if names:
            st.caption(f"{words}: {', '.join(plain(name, 40) for name in names[:20])}")
    if differences.nothing:
        st.success("Both hold the same photos, classes and splits.", icon=":material/check_circle:")
        return
    present = {kind: f"{kind.capitalize()} ({len(tables[kind]):,})" for kind in _KINDS}
    present = {kind: words for kind, words in present.items() if len(tables[kind])}
    start = {"default": next(iter(present)), "key": f"versions.kind.{before.id}.{after.id}"}
    kind = pick_one("Photos", present, start)
    shown = before if kind == "removed" else after
    show_wall(
        shown,
        tables[kind]["photo"].to_numpy(dtype=np.int64),
        Wall(
            f"versions_{kind}",
            captions=_describe_change(kind, tables[kind]),
            selectable=False,
            opens=shown is after,  # a removed photo has no number here
        ),
    )


def _describe_change(kind: str, table: pd.DataFrame) -> Describe:
    """Return a function that describes the change of a photo, as plain text."""
    if kind in ("added", "removed"):
        words = table["class"] + " · " + table["split"]
    else:
        column = "class" if kind == "relabelled" else "split"
        words = table[column] + " → " + table[f"new_{column}"]
    said = dict(zip(table["photo"].tolist(), words.tolist(), strict=True))
    return lambda photo: str(said[photo])


@cache.for_editors
def _show_delete(version: DatasetSummary) -> None:
    """Draw the popover that deletes a version; nothing is read until it is open."""
    popover = st.popover(
        "Delete",
        icon=":material/delete:",
        type="tertiary",
        key=f"versions.delete.{version.id}",
        on_change="rerun",
    )
    if popover.open:
        with popover:
            _ask_delete(version)


def _ask_delete(version: DatasetSummary) -> None:
    uses = list_uses(cache.workspace(), version.id)
    st.markdown(f"Delete {_title(version)}?")
    st.caption("Its photos, features, analyses and the edits in its tray are deleted for good.")
    force = False
    if not uses.nothing:
        st.warning(
            f"Used by {plain(describe_uses(uses))}. Runs keep their figures but lose their photos; "
            "later versions stay complete.",
            icon=":material/warning:",
        )
        typed = st.text_input("Type its name to delete it", key=f"versions.force.{version.id}")
        force = typed.strip() == version.name.strip()
    if not st.button(
        "Delete the dataset",
        type="primary",
        icon=":material/delete:",
        disabled=not (uses.nothing or force),
        key=f"versions.gone.{version.id}",
    ):
        return
    with report_errors():
        delete_version(cache.workspace(), version.id, force)
        if read_choice("dataset") == version.id:
            keep_choice("dataset", None)
        tell_after_rerun(f"“{plain(version.name)}” is deleted.")
        st.rerun()
