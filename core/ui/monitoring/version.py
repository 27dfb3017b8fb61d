"""The tab Review: reviewed photos as a new dataset version, with the photos left out and why."""

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
from core.ui.monitoring.card import LAST
from core.ui.parts import cache
from core.ui.parts.live_state import make_dataset
from core.ui.parts.messages import keep_done, tell_after_rerun
from core.ui.parts.pickers import describe_dataset, pick_named
from core.ui.photos.reading import link_kept_photo, read_kept_thumbnail
from core.ui.visitor import name_visitor
from data.dataset import Dataset
from data.manifest import list_datasets

_SHOWN, _MOST_NAMED = 24, 12


def show_new_version() -> None:
    """Draw the content of the next dataset version, and make it."""
    st.subheader(
        "New dataset version",
        anchor=False,
        help="Reviewed photos become training photos. Validation and test photos stay the same, so "
        "that old and new models can be compared.",
    )
    dataset = _pick_dataset()
    if dataset is None:
        return
    reviewed = list_reviewed(cache.workspace(), dataset.id)
    if not reviewed:
        st.caption("Photos that you accept or relabel appear here.")
        return
    key = tuple((one.number, one.final_class) for one in reviewed)
    stored = find_kept(cache.workspace(), (one.photo for one in reviewed))
    _show_plan(dataset, _plan(dataset.id, key, tuple(sorted(stored))))


def _pick_dataset() -> Dataset | None:
    """Return the dataset for the reviewed photos; None without datasets."""
    first = find_reviewed_dataset(cache.workspace())
    usable = [one for one in list_datasets(cache.workspace()) if not one.problem]
    options = {one.id: describe_dataset(one) for one in sorted(usable, key=lambda d: d.id != first)}
    if not options:
        return None
    key = f"review.dataset.{first}"  # a version just made is chosen again
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)
    return cache.dataset(pick_named("Dataset", options, key=key, width=520))


@st.cache_data(max_entries=16, ttl=600, show_spinner="Searching for copies …")
def _plan(
    dataset_id: str,
    reviewed: tuple[tuple[int, str | None], ...],  # noqa: ARG001 (part of the key)
    stored: tuple[str, ...],  # noqa: ARG001 (part of the key)
) -> ReviewedPlan:
    return plan_reviewed(cache.workspace(), cache.dataset(dataset_id))


def _show_plan(dataset: Dataset, plan: ReviewedPlan) -> None:
    with st.container(horizontal=True, gap="large"):
        st.metric("Photos to add", f"{len(plan.added):,}", width="content")
        st.metric("Left out", f"{len(plan.left_out):,}", width="content")
    if plan.added:
        thumbnails = [read_kept_thumbnail(one.photo) for one in plan.added[:_SHOWN]]
        with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
            for thumbnail in filter(None, thumbnails):
                st.image(thumbnail, width=72)
        counts = pd.Series([one.class_name for one in plan.added]).value_counts()
        named = [f"{plain(str(name), 40)} {n:,}" for name, n in counts.head(_MOST_NAMED).items()]
        more = " …" if len(counts) > _MOST_NAMED else ""
        st.caption(f"Training photos: {', '.join(named)}{more}")
    if plan.new_classes:
        names = ", ".join(f"“{plain(name, 40)}”" for name in plan.new_classes)
        st.warning(
            f"New class: {names}. A new class has no validation or test photos, so its "
            "accuracy is unknown until you move some photos to these splits.",
            icon=":material/new_label:",
        )
    if plan.left_out:
        _show_left_out(dataset, plan.left_out)
    label = f"Make a new version with {count(len(plan.added), 'reviewed photo')}"
    icon, key = ":material/library_add:", f"review.make.{dataset.id}"
    if st.button(label, type="primary", icon=icon, key=key, disabled=not plan.added):
        make = partial(make_reviewed_version, cache.workspace(), dataset.id, who=name_visitor())
        made = make_dataset("Making the version …", make)
        if made is not None:
            changes = f"dataset?dataset={made.id}&view=versions&with={dataset.id}"
            photos = f"**{plain(made.name)}** is ready: {count(len(made), 'photo')}."
            keep_done("review", f"{photos} [See the changes]({changes})")
            st.session_state.pop(LAST, None)  # photos in a dataset cannot be undone
            st.rerun()
    if not plan.added and st.button(
        "Close their feedback", key=f"review.aside.{dataset.id}", icon=":material/archive:"
    ):
        put_aside(cache.workspace(), plan)
        tell_after_rerun(f"{count(len(plan.left_out), 'photo')} closed.")
        st.rerun()


def _show_left_out(dataset: Dataset, photos: Sequence[ReviewedPhoto]) -> None:
    page = f"/dataset?dataset={dataset.id}"
    with st.expander(f"{count(len(photos), 'photo')} left out", icon=":material/block:"):
        table = pd.DataFrame(
            [
                {
                    "Photo": link_kept_photo(one.photo),
                    "Reviewed as": cell_text(one.class_name),
                    "Why": one.left_out,
                    "Copy of": f"{page}&photo={one.copy_of}" if one.copy_of is not None else "",
                }
                for one in photos
            ]
        )
        st.dataframe(
            table,
            hide_index=True,
            row_height=56,
            column_config={
                "Photo": st.column_config.ImageColumn(width=64),
                "Why": st.column_config.TextColumn(width="large"),
                "Copy of": st.column_config.LinkColumn(display_text="Open", width=80),
            },
        )
