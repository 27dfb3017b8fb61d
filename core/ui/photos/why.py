"""Why a photo is answered so: the training photos that decide it, by the head beside a run."""

import numpy as np
import streamlit as st

from core.datasets.edits.tray import add_edits, list_edits, resolve_edits
from core.exact.store import find_run_source
from core.exact.why import METHOD, ONE_CLASS, Why, ask_why
from core.formats import count, plain
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.exact import open_exact_head, say_engine
from core.ui.parts.frame import link_page
from core.ui.parts.pickers import title_run
from core.ui.photos.explaining import pick_run, say_sealed, show_switch
from core.ui.photos.reading import PhotoPage
from core.ui.photos.tray import note_edit
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset


def show_reasons(page: PhotoPage) -> bool:
    """Draw a switch and, while it is on, why a run answers so; return as `show_why`."""
    if not show_switch(page, "Why this answer", "panel.why", "why.shown"):
        return False
    run = pick_run(page, "why.run")
    return show_why(run, page.dataset, page.photo, key="panel")


def show_why(run: RunRecord, dataset: Dataset, photo: int, *, key: str) -> bool:
    """Draw which photos decide the answer; return whether one was opened or the tray was filled."""
    with st.container(border=True):
        st.markdown("**Why this answer**", help=METHOD)
        if say_sealed(run, photo):
            return False
        workspace, result = cache.workspace(), cache.result(run.id)
        opened = open_exact_head(lambda: find_run_source(workspace, dataset, run.id, result))
        if opened is None:
            return False
        source, head = opened
        why = ask_why(head, dataset, result, photo)
        if why is None:
            st.info(ONE_CLASS)
            return False
        st.markdown(f"{why.say_answer(_plain)} **{why.say_set(_plain)}**")
        for sentence in why.say_limits(plain(title_run(run)), _plain):
            st.caption(f":orange[{sentence}]" if why.differs else sentence)
        changed = bool(_show_set(why, title_run(run)))
        for place, side in zip(st.columns(2), why.sides, strict=True):
            with place:
                changed |= _show_side(why, side, key)
        rival = _plain(dataset.classes[why.reasons.rival])
        st.caption(f"Under each photo: what the lead of {rival} would gain without it.")
        say_engine(source, head)
    return changed


def _plain(name: str) -> str:
    return plain(name, 40)


def _show_side(why: Why, side: int, key: str) -> bool:
    """Draw the photos that pull to a class; return whether one was opened."""
    (photos, effects), flip = why.sides[side], why.reasons.flip
    st.caption(f"Training photos that pull it to **{_plain(why.dataset.classes[side])}**")
    if not len(photos):
        st.caption("None.")
        return False
    known = dict(zip(photos.tolist(), effects.tolist(), strict=True))
    names = why.dataset.manifest["class"].to_numpy()
    wall = Wall(
        f"why_{key}_{'true' if side == why.reasons.true else 'rival'}",
        selectable=False,
        captions=lambda one: f"{known[one]:+.3f}\n{names[one]}",
        badges=lambda one: ["of the set"] * bool(flip is not None and one in flip),
    )
    return show_wall(why.dataset, photos, wall).opened is not None


@cache.for_editors
def _show_set(why: Why, run: str) -> bool:
    """Draw the button that puts the set into the tray; return whether it was pressed."""
    flip, dataset = why.reasons.flip, why.dataset
    if flip is None:
        return False
    changes = resolve_edits(dataset, list_edits(cache.workspace(), dataset.id))
    if np.isin(flip, changes["photo"][changes["excluded"].astype(bool)]).all():
        label = "They are in the tray: see what leaving them out would do"
        link_page("dataset", label, "checklist", dataset=dataset.id, view="edits")
        return False
    photos = count(len(flip), "photo")
    if not st.button(
        f"Exclude in the tray: {photos}",
        icon=":material/block:",
        key=f"why.exclude.{why.photo}",
        help="A what-if: nothing changes before the tray is applied. Its review says what leaving "
        "them out would do to all validation photos.",
    ):
        return False
    note = f"decide {dataset.manifest['path'].iat[why.photo]} ({run})"
    return note_edit(
        dataset,
        lambda: add_edits(cache.workspace(), dataset, flip.tolist(), "exclude", note=note),
        f"{photos} excluded",
    )
