"""Reviewed photos become a new version of their dataset: what it brings, what stays out and why."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.formats import cell_text, count, plain
from core.monitoring.gathering import (
    ReviewedPhoto,
    ReviewedPlan,
    find_reviewed_dataset,
    list_reviewed,
    make_reviewed_version,
    plan_reviewed,
    put_aside,
)
from core.monitoring.kept_photos import find_kept
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.live_state import make_dataset
from core.ui.parts.messages import tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named
from core.ui.photos.reading import link_kept_photo
from core.ui.review.actions import forget_reviews
from core.ui.review.card import show_thumbnails
from core.ui.visitor import name_visitor
from data.dataset import Dataset
from data.manifest import list_datasets
from data.sources.names import find_meant_class

_MADE = "review.made"


def show_new_version() -> None:
    """Draw what reviewed photos would make of a dataset, and makes it."""
    st.subheader("A new version of the dataset", anchor=False)
    _show_made()
    dataset = _pick_dataset()
    if dataset is None:
        return
    reviewed = list_reviewed(cache.workspace(), dataset.id)
    if not reviewed:
        st.caption(
            "Photos that you accept or relabel gather here. Then they become train photos of a "
            "new version; validation and test photos stay what they are, so that an old and a new "
            "model can be compared."
        )
        return
    key = tuple((one.number, one.final_class) for one in reviewed)
    kept = find_kept(cache.workspace(), (one.photo for one in reviewed))
    plan = _plan(dataset.id, key, tuple(sorted(kept)))
    _show_plan(dataset, plan)


def _pick_dataset() -> Dataset | None:
    """Return the dataset that reviewed photos go to; None where there is none."""
    usable = {one.id: one for one in list_datasets(cache.workspace()) if not one.problem}
    suggested = find_reviewed_dataset(cache.workspace())
    first = (st.session_state.get(_MADE), suggested)
    # Stable: the rest newest first.
    options = sorted(usable, key=lambda one: first.index(one) if one in first else len(first))
    if not options:
        return None
    # Named after what was made: the new version is suggested then, whatever was chosen before.
    key = f"review.dataset.{first[0]}"
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    chosen = pick_named(
        "Dataset",
        {one: describe_dataset(usable[one]) for one in options},
        key=key,
        width=520,
        help="The champion's dataset is suggested, in its newest version.",
    )
    return cache.dataset(chosen)


@st.cache_data(max_entries=16, ttl=600, show_spinner="Looking for copies …")
def _plan(
    dataset_id: str,
    reviewed: tuple[tuple[int, str | None], ...],  # noqa: ARG001 (part of the key)
    kept: tuple[str, ...],  # noqa: ARG001 (part of the key)
) -> ReviewedPlan:
    return plan_reviewed(cache.workspace(), cache.dataset(dataset_id))


def _show_plan(dataset: Dataset, plan: ReviewedPlan) -> None:
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos to add", f"{len(plan.added):,}", width="content")
        st.metric("Left out", f"{len(plan.left_out):,}", width="content")
        total = len(dataset) + len(plan.added)
        st.metric("Photos then", f"{total:,}", width="content")
    if plan.added:
        show_thumbnails([one.photo for one in plan.added])
        st.caption(_count_classes(plan.added))
    if plan.new_classes:
        names = ", ".join(_name_new(name, dataset.classes) for name in plan.new_classes)
        st.warning(
            f"New here: {names}. A new class has no validation or test photos yet: how well it is "
            "recognised cannot be told until some are moved there.",
            icon=":material/new_label:",
        )
    if plan.left_out:
        _show_left_out(dataset, plan.left_out)
    label = f"Make a new version with {count(len(plan.added), 'reviewed photo')}"
    icon, key = ":material/library_add:", f"review.make.{dataset.id}"
    if st.button(label, type="primary", icon=icon, key=key, disabled=not plan.added):
        _make(dataset)
    if not plan.added and st.button(
        "Put them aside", key=f"review.aside.{dataset.id}", icon=":material/archive:"
    ):
        put_aside(cache.workspace(), plan)
        tell_after_rerun(f"{count(len(plan.left_out), 'photo')} put aside.")
        st.rerun()


def _name_new(name: str, classes: Sequence[str]) -> str:
    meant = find_meant_class(name, classes)
    return f"“{plain(name, 40)}”" + (f" (or is it “{plain(meant, 40)}”?)" if meant else "")


def _count_classes(photos: Sequence[ReviewedPhoto]) -> str:
    counts = pd.Series([one.class_name for one in photos]).value_counts()
    named = [f"{plain(str(name), 40)} {n:,}" for name, n in counts.head(12).items()]
    return "To train: " + ", ".join(named) + (" …" if len(counts) > 12 else "")


def _show_left_out(dataset: Dataset, photos: Sequence[ReviewedPhoto]) -> None:
    page = f"/dataset?dataset={dataset.id}"
    with st.expander(f"{count(len(photos), 'photo')} left out, and why", icon=":material/block:"):
        table = pd.DataFrame(
            [
                {
                    "photo": link_kept_photo(one.photo),
                    "class": cell_text(one.class_name),
                    "reason": one.left_out,
                    "same": f"{page}&photo={one.copy_of}" if one.copy_of is not None else "",
                }
                for one in photos
            ]
        )
        st.dataframe(
            table,
            hide_index=True,
            row_height=56,
            column_config={
                "photo": st.column_config.ImageColumn("Photo", width=64),
                "class": "Reviewed as",
                "reason": st.column_config.TextColumn("Why", width="large"),
                "same": st.column_config.LinkColumn("Its copy", display_text="Open", width=80),
            },
        )
        st.caption("They are put aside when the version is made, and stand under “Gathered”.")


def _make(dataset: Dataset) -> None:
    make = partial(make_reviewed_version, cache.workspace(), dataset.id, who=name_visitor())
    made = make_dataset("Making the version …", make)
    if made is None:
        return
    st.session_state[_MADE] = made.id
    forget_reviews()
    tell_after_rerun(f"“{plain(made.name)}” is made.")
    st.rerun()


def _show_made() -> None:
    """Say which version was made in this session, and where it is seen."""
    known = {one.id: one for one in list_datasets(cache.workspace()) if not one.problem}
    made = known.get(st.session_state.get(_MADE, ""))
    if made is None:
        return
    with st.container(border=True):
        st.markdown(
            f":green[:material/check_circle:] **{plain(made.name)}** is made: "
            f"{count(made.photos, 'photo')}. Features of its old photos are used again."
        )
        link_page(
            "dataset",
            "What is different in it",
            "difference",
            **{"dataset": made.id, "view": "versions", "with": made.parent or ""},
        )
