"""The versions of a dataset: which came from which, what two of them differ in, their names."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.formats import count, plain
from core.ui.dataset.version_deleting import show_delete
from core.ui.parts import cache
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.pickers import describe_dataset
from core.ui.parts.state import change_choice, read_choice
from core.ui.photos.panel import show_photo_panel
from core.ui.wall import show_wall
from core.ui.wall.showing import Describe
from data.additions import count_added
from data.dataset import Dataset
from data.lineage import Differences, compare_versions, list_lineage
from data.manifest import DatasetSummary, list_datasets, rename_dataset
from data.versions import count_changes, read_changes

_KINDS = ("relabelled", "moved", "added", "removed")


def show_versions(dataset: Dataset) -> None:
    """Draws the versions of a dataset, the comparison with another, renaming and deleting."""
    versions = list_lineage(cache.workspace(), dataset.id)
    st.subheader("Versions", anchor=False)
    if len(versions) == 1:
        st.caption(
            "There is one version. Edits that are applied make another; this one then stays as "
            "it is, with its runs."
        )
    for version in versions:
        _show_version(version, chosen=version.id == dataset.id)
    _show_names(dataset)
    _show_comparison(dataset, versions)
    show_photo_panel(dataset)


def _show_version(version: DatasetSummary, *, chosen: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{plain(version.name)}** · version {version.edition}")
            st.caption(_describe(version))
        if chosen:
            st.badge("shown here", icon=":material/check:", color="green")
        elif not version.problem:
            st.button(
                "Show this one",
                key=f"versions.show.{version.id}",
                on_click=partial(change_choice, "dataset", version.id),
            )
        show_delete(version)


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


def _show_names(dataset: Dataset) -> None:
    with (
        st.form("versions.rename", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input("Name", dataset.name, max_chars=100, width=420)
        renamed = st.form_submit_button("Rename", icon=":material/edit:")
    if renamed and name.strip() and name.strip() != dataset.name:
        rename_dataset(cache.workspace(), dataset.id, name)
        tell_after_rerun(f"The version is now called “{plain(name.strip())}”.")
        st.rerun()


def _show_comparison(dataset: Dataset, versions: list[DatasetSummary]) -> None:
    family = [version.id for version in versions]
    others = {entry.id: entry for entry in list_datasets(cache.workspace()) if not entry.problem}
    others.pop(dataset.id, None)
    if not others:
        return
    st.subheader("Compare", anchor=False)
    # Its parent first, then its other versions, then all else.
    options = sorted(others, key=lambda one: (one != dataset.parent, one not in family))
    stated = read_choice("with")
    chosen = st.selectbox(
        "What is different here from",
        options,
        index=options.index(stated) if stated in others else 0,
        format_func=lambda one: f"{describe_dataset(others[one])} · {one[:6]}",
        key=f"versions.with.{dataset.id}",
        width=520,
    )
    st.query_params["with"] = chosen
    differences = _compare(chosen, dataset.id)
    _show_differences(cache.dataset(chosen), dataset, differences)


def _show_differences(before: Dataset, after: Dataset, differences: Differences) -> None:
    tables = {kind: getattr(differences, kind) for kind in _KINDS}
    with st.container(horizontal=True, gap="large"):
        for kind, table in tables.items():
            st.metric(kind.capitalize(), f"{len(table):,}", width="content")
        st.metric("Unchanged", f"{differences.unchanged:,}", width="content")
    for words, names in (("New", differences.new_classes), ("Gone", differences.gone_classes)):
        if names:
            st.caption(f"{words}: {', '.join(plain(name, 40) for name in names[:20])}")
    if differences.nothing:
        st.success("Both hold the same photos, classes and splits.", icon=":material/check_circle:")
        return
    present = [kind for kind in _KINDS if len(tables[kind])]
    kind = st.segmented_control(
        "Photos",
        present,
        default=present[0],
        format_func=lambda one: f"{one.capitalize()} ({len(tables[one]):,})",
        key=f"versions.kind.{before.id}.{after.id}",
        label_visibility="collapsed",
        required=True,
    )
    shown = before if kind == "removed" else after
    show_wall(
        shown,
        tables[kind]["photo"].to_numpy(dtype=np.int64),
        key=f"versions_{kind}",
        captions=_describe_change(kind, tables[kind]),
        selectable=False,
        opens=shown is after,  # the number of a removed photo means nothing here
    )


def _describe_change(kind: str, table: pd.DataFrame) -> Describe:
    """Returns a function that says what changed for a photo, as plain text."""
    if kind in ("added", "removed"):
        words = table["class"] + " · " + table["split"]
    else:
        column = "class" if kind == "relabelled" else "split"
        words = table[column] + " → " + table[f"new_{column}"]
    said = dict(zip(table["photo"].tolist(), words.tolist(), strict=True))
    return lambda photo: str(said[photo])


@st.cache_resource(max_entries=4, show_spinner="Comparing …")
def _compare(before: str, after: str) -> Differences:
    return compare_versions(cache.dataset(before), cache.dataset(after))
