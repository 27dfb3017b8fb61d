"""Tags on screen: give photos a tag or take it away, wherever photos are selected or opened."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from core.datasets.tags import LONGEST_TAG, add_tag, list_tags, remove_tag, write_tags_csv
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.wall.showing import Mark
from data.dataset import Dataset

_HELP = (
    f"Up to {LONGEST_TAG} letters. A tag stays with a photo in all versions of its dataset, and "
    "changes neither class nor split."
)


def mark_tags(dataset: Dataset, badges: Mark | None = None) -> Mark:
    """Return what says of a photo its tags, after the words that are said of it anyway."""
    tags = cache.photo_tags(dataset.id)
    return lambda photo: [
        *(badges(photo) if badges else ()),
        *(f"#{name}" for name in tags.name_tags(photo)),
    ]


def show_tag_button(dataset: Dataset, photos: Sequence[int], what: str, *, key: str) -> bool:
    """Draw the choice of a tag, what gives it and what takes it; return whether a photo changed.

    Args:
        photos: Numbers of the photos that are meant.
        what: What these are called: “3 photos”.
        key: Name of the place; another one on the same page needs another.
    """
    with st.popover("Tag", icon=":material/sell:"):
        name = st.selectbox(
            "Tag",
            list(list_tags(cache.workspace())),
            index=None,
            placeholder="Choose a tag, or type a new one",
            accept_new_options=True,
            key=f"{key}.tag",
            help=_HELP,
        )
        try:
            changed = _show_buttons(dataset, photos, what, name or "", key=key)
        except PetalscopeError as error:
            show_problem(error.problem, error.remedy)
            changed = False
        _show_tags(dataset, photos)
    return changed


def _show_buttons(
    dataset: Dataset, photos: Sequence[int], what: str, name: str, *, key: str
) -> bool:
    tags, workspace = cache.photo_tags(dataset.id), cache.workspace()
    bearing = int(tags.find_bearers(name)[list(photos)].sum()) if name else 0
    with st.container(horizontal=True):
        give = st.button(
            f"Give it to {what}",
            type="primary",
            disabled=not name or bearing == len(photos),
            key=f"{key}.give",
        )
        off = what if bearing == len(photos) else count(bearing, "photo")
        take = bearing > 0 and st.button(f"Take it off {off}", key=f"{key}.take")
    if give:
        given = add_tag(workspace, dataset, photos, name)
        st.toast(f"{count(given, 'photo')}: now #{plain(name)}", icon=":material/sell:")
    elif take:
        taken = remove_tag(workspace, dataset, photos, name)
        st.toast(f"{count(taken, 'photo')}: no longer #{plain(name)}", icon=":material/sell:")
    return give or take


def _show_tags(dataset: Dataset, photos: Sequence[int]) -> None:
    """Draw which tags the photos bear now, and those of all photos as CSV."""
    tags = cache.photo_tags(dataset.id)
    borne = tags.borne[list(photos)].sum(axis=0).tolist()
    said = [
        plain(name) + (f" ({number:,} of {len(photos):,})" if number < len(photos) else "")
        for name, number in zip(tags.names, borne, strict=True)
        if number
    ]
    st.caption(f"Now: {', '.join(said)}" if said else "No tag yet.")
    if tags.names:
        st.download_button(
            f"Tags of {plain(dataset.name, 30)} (CSV)",
            lambda: write_tags_csv(dataset, tags),
            file_name=f"tags-{dataset.id}-{datetime.now(UTC):%Y-%m-%d}.csv",
            mime="text/csv",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
            key=f"tags.csv.{len(photos)}.{photos[0]}",
        )
