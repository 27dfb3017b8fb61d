"""Actions on photos: edits for the tray, tags, and the line about the tray."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import streamlit as st

from core.datasets.edits.tray import (
    Action,
    Edit,
    add_edits,
    count_edits,
    list_classes,
    list_edits,
    resolve_edits,
    undo_edits,
)
from core.datasets.tags import (
    LONGEST_TAG,
    PhotoTags,
    list_tags,
    set_tag,
    write_tags_csv,
)
from core.errors import FeaturesMissing, PetalscopeError
from core.exact.store import find_source
from core.exact.whatif import predict_effect
from core.formats import count, plain, points, points_range
from core.ui.parts import cache
from core.ui.parts.exact import METHOD, open_known_head
from core.ui.parts.frame import page_file
from core.ui.parts.messages import offer_csv, show_problem, show_told, tell_after_rerun
from core.ui.parts.pickers import pick_or_type
from core.ui.wall.showing import Mark
from data.dataset import Dataset
from data.splits import SPLITS

DONE = "selection.done"
"""Session key of the last edit: (dataset id, batch, description in Markdown)."""


def show_tray(dataset: Dataset) -> None:
    """Draw one quiet line about the edits in the tray, if there are any."""
    show_told()
    waiting = count_edits(cache.workspace(), dataset.id)
    if not waiting:
        return
    told = _predict_tray(dataset)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tray_line"):
        words, known = told or (" in the tray, not applied yet", None)
        edits = f":material/edit_note: **{count(waiting, 'edit')}**"
        st.markdown(f"{edits}{words}", width="content", help=known)
        if st.button("Review", type="tertiary", icon=":material/checklist:", key="tray.review"):
            query = {"dataset": dataset.id, "view": "edits"}
            st.switch_page(page_file("dataset"), query_params=query)
        cache.edit_button(
            "Undo",
            type="tertiary",
            icon=":material/undo:",
            key="tray.undo",
            on_click=lambda: tell_edits(undo_edits(cache.workspace(), dataset.id), "undone"),
        )


def _predict_tray(dataset: Dataset) -> tuple[str, str] | None:
    """Return the predicted effect of the edits in the tray and its details; None without a head."""
    edits = list_edits(cache.workspace(), dataset.id)
    return _predict_edits(dataset.id, tuple(edit.number for edit in edits))


@cache.cached_by(cache.analyses_written, most=4)
def _predict_edits(dataset_id: str, edits: tuple[int, ...]) -> tuple[str, str] | None:
    dataset = cache.dataset(dataset_id)
    waiting = [one for one in list_edits(cache.workspace(), dataset_id) if one.number in edits]
    try:
        head = open_known_head(find_source(cache.workspace(), dataset).id)
    except FeaturesMissing:
        return None
    if head is None:
        return None
    compared = predict_effect(head, dataset, resolve_edits(dataset, waiting)).comparison
    if not compared.n:
        return None
    ends = points_range(*compared.interval, compared.n)
    between = f"95 % interval {ends} points, " if compared.gained + compared.lost else ""
    known = f"{between}n = {count(compared.n, 'validation photo')}. {METHOD}"
    return f" · predicted {points(compared.difference, compared.n)}", known


def mark_tray(dataset: Dataset) -> Callable[[int], Sequence[str]]:
    """Return a function that says in a word what the tray will do to a photo."""
    words = describe_edits(dataset, list_edits(cache.workspace(), dataset.id))
    return lambda photo: [words[photo]] if photo in words else []


def describe_edits(dataset: Dataset, edits: Sequence[Edit]) -> dict[int, str]:
    """Return photo number → what the edits will do to it, in plain text."""
    changes = resolve_edits(dataset, edits)
    return {int(row["photo"]): describe_change(row) for row in changes.to_dict("records")}


def describe_change(row: Mapping[Any, Any]) -> str:
    """Return in plain text what the edits will do to a photo: “→ rose”, “excluded”."""
    pairs = (("class", "new_class"), ("split", "new_split"))
    changed = [f"→ {row[new]}" for old, new in pairs if row[old] != row[new]]
    return "excluded" if row["excluded"] else ", ".join(changed)


def tell_edits(edits: int, told: str) -> None:
    """Confirm after the next rerun that edits were undone, redone or removed."""
    tell_after_rerun(f"{count(edits, 'edit')} {told}.")


def say_edit(photos: int, action: Action, value: str = "") -> str:
    """Return the description of an edit in Markdown."""
    words = {"relabel": f"relabelled to “{plain(value, 40)}”", "move": f"moved to {value}"}
    return f"{count(photos, 'photo')} {words.get(action, 'excluded')}"


def note_edit(dataset: Dataset, make: Callable[[], int], sentence: str) -> bool:
    """Make an edit and remember its description (Markdown), or draw its error; return success."""
    try:
        batch = make()
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return False
    st.session_state[DONE] = (dataset.id, batch, sentence)
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """Photos of a dataset to act on."""

    dataset: Dataset
    photos: Sequence[int]
    what: str
    """They in words: “3 photos”."""
    key: str
    """Prefix of the keys of the widgets."""
    tags: PhotoTags


@cache.for_editors
def show_edit_buttons(chosen: Selection) -> bool:
    """Draw relabel, move and exclude; return whether an edit was made."""
    dataset, photos, key = chosen.dataset, chosen.photos, chosen.key
    done: tuple[Action, str] | None = None
    with st.popover("Relabel", icon=":material/label:"):
        known = list_classes(cache.workspace(), dataset)
        name = pick_or_type("New class", known, f"{key}.class")
        label = f"Relabel {chosen.what}"
        if st.button(label, type="primary", disabled=not name, key=f"{key}.relabel"):
            done = "relabel", str(name)
    with st.popover("Move", icon=":material/drive_file_move:"):
        st.caption("To which split?")
        present = set(dataset.splits[list(photos)])
        for split in SPLITS:
            here = present == {split}
            key_of = f"{key}.{split}"
            if st.button(split.capitalize(), width="stretch", disabled=here, key=key_of):
                done = "move", split
    if st.button("Exclude", icon=":material/block:", key=f"{key}.exclude"):
        done = "exclude", ""
    if done is None:
        return False
    make = partial(add_edits, cache.workspace(), dataset, photos, *done)
    return note_edit(dataset, make, say_edit(len(photos), *done))


_HELP = f"Up to {LONGEST_TAG} letters. A photo keeps its tags in all versions of its dataset."


def mark_tags(tags: PhotoTags, badges: Mark | None = None) -> Mark:
    """Return a function that gives the badges of a photo, with its tags at the end."""
    return lambda photo: [
        *(badges(photo) if badges else ()),
        *(f"#{name}" for name in tags.name_tags(photo)),
    ]


@cache.for_editors
def show_tag_button(chosen: Selection) -> bool:
    """Draw the buttons that add and remove a tag; return whether a photo changed."""
    with st.popover("Tag", icon=":material/sell:"):
        known = list(list_tags(cache.workspace()))
        name = pick_or_type("Tag", known, f"{chosen.key}.tag", "a tag", help=_HELP)
        try:
            changed = _show_buttons(chosen, name or "")
        except PetalscopeError as error:
            show_problem(error.problem, error.remedy)
            changed = False
        _show_tags(chosen)
    return changed


def _show_buttons(chosen: Selection, name: str) -> bool:
    dataset, photos, workspace = chosen.dataset, chosen.photos, cache.workspace()
    bearing = int(chosen.tags.find_bearers(name)[list(photos)].sum()) if name else 0
    with st.container(horizontal=True):
        give = st.button(
            f"Add to {chosen.what}",
            type="primary",
            disabled=not name or bearing == len(photos),
            key=f"{chosen.key}.give",
        )
        off = chosen.what if bearing == len(photos) else count(bearing, "photo")
        take = bearing > 0 and st.button(f"Remove from {off}", key=f"{chosen.key}.take")
    if give:
        given = set_tag(workspace, dataset, photos, name)
        st.toast(f"{count(given, 'photo')}: now #{plain(name)}", icon=":material/sell:")
    elif take:
        taken = set_tag(workspace, dataset, photos, name, on=False)
        st.toast(f"{count(taken, 'photo')}: no longer #{plain(name)}", icon=":material/sell:")
    return give or take


def _show_tags(chosen: Selection) -> None:
    """Draw the tags of these photos, and the download of all tags as CSV."""
    dataset, photos, tags = chosen.dataset, chosen.photos, chosen.tags
    borne = tags.borne[list(photos)].sum(axis=0).tolist()
    said = [
        plain(name) + (f" ({number:,} of {len(photos):,})" if number < len(photos) else "")
        for name, number in zip(tags.names, borne, strict=True)
        if number
    ]
    st.caption(f"Now: {', '.join(said)}" if said else "No tag yet.")
    if tags.names:
        offer_csv(
            f"Tags of {plain(dataset.name, 30)} (CSV)",
            lambda: write_tags_csv(dataset, tags),
            f"tags-{dataset.id}-{datetime.now(UTC):%Y-%m-%d}.csv",
            type="tertiary",
            on_click="ignore",
            key=f"tags.csv.{len(photos)}.{photos[0]}",
        )
