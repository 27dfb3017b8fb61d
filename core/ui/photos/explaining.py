"""Why a run answers so: Grad-CAM or occlusion, and the training photos that decide the answer."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.datasets.edits.tray import add_edits, list_edits, resolve_edits
from core.errors import FeaturesMissing
from core.exact.store import find_run_source
from core.exact.why import METHOD, Why, ask_why
from core.formats import count, plain
from core.prediction.gradcam import draw_overlay, draw_scale
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.exact import open_exact_head, say_engine
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors
from core.ui.parts.pickers import name_runs, pick_named, title_run
from core.ui.parts.seal import find_sealed
from core.ui.parts.state import read_choice
from core.ui.photos.reading import PhotoPage, explainer
from core.ui.photos.tray import note_edit
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset
from data.images import encode_jpeg

_WIDEST = 320
"""Pixels of a picture on screen: most photos have 224, and enlarging them only blurs."""
_GRADCAM = (
    "Grad-CAM: bright places raised the score of the class; places that lowered it are not drawn."
)
_OCCLUSION = (
    "Occlusion: a grey square covers one place after another. Where it is bright, the score of the "
    "class falls most. Grad-CAM needs a network that ends in average pooling."
)
_RUN, _CLASS = "explaining.run", "explaining.class"


def draw_explanation(
    run: RunRecord,
    dataset: Dataset,
    photo: int,
    roles: Mapping[int, Sequence[str]],
    *,
    key: str = "explanation",
) -> None:
    """Draw a photo with the evidence for classes (number → words: “true”) and for any other one."""
    result = cache.result(run.id)
    words, scores = dict(roles), result.scores[photo].tolist()
    pictures = st.container()  # above the choice that decides what they show
    other = choose_class(key, result.classes, result.scores[photo], list(words))
    if other is not None:
        words.setdefault(other, ())
    with pictures, report_errors():
        asked = explainer(run.id, dataset)
        activations = asked.explain(photo, list(words))
        packed = asked.read_photo(photo)
        captions = [
            (f"{', '.join(said)}: " if said else "")
            + f"**{plain(result.classes[number], 40)}** {format_share(scores[number])}"
            for number, said in words.items()
        ]
        draw_overlays(packed, activations, captions, asked.maps.backbone_facts.has_map)


show_explanation = st.fragment(draw_explanation)
"""The same as a fragment: another class redraws these pictures alone."""


def draw_overlays(
    photo: np.ndarray, activations: np.ndarray, captions: Sequence[str], has_map: bool
) -> None:
    """Draw the photo, one overlay for each class, and the scale of colours.

    Args:
        photo: (224, 224, 3) uint8 RGB.
        activations: (c, h, w) float in [0, 1].
        captions: (c,) Markdown.
        has_map: Whether they are by Grad-CAM, else by occlusion.
    """
    pictures = 1 + len(captions)
    row = st.container(horizontal=True, gap="small", width=pictures * _WIDEST)
    places = [row.container() for _ in range(pictures)]
    places[0].image(
        encode_picture(photo), caption="What the model sees", width="stretch", alt="The photo"
    )
    for place, activation, caption in zip(places[1:], activations, captions, strict=False):
        silent = "" if activation.any() else " · no evidence"
        place.image(
            encode_picture(draw_overlay(photo, activation)),
            caption=caption + silent,
            width="stretch",
            alt=f"The photo, bright where the evidence is for {caption}".replace("*", ""),
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = "Evidence" if has_map else "Occlusion: evidence"
        st.caption(f"{name} for the class: low", width="content")
        st.image(encode_picture(draw_scale()), width=120, alt="From dark violet to light yellow")
        meaning, (_, rows, columns) = _GRADCAM if has_map else _OCCLUSION, activations.shape
        meaning += f" The map has {rows} × {columns} cells. Each class has its own scale."
        st.caption("high", width="content", help=meaning)


def encode_picture(picture: np.ndarray) -> bytes:
    """Return a JPEG of a picture (h, w, 3) uint8 RGB: a tenth of a PNG's bytes and time."""
    return encode_jpeg(picture, 92, subsampling=0)


def choose_class(
    key: str, classes: Sequence[str], scores: np.ndarray, shown: Sequence[int] = ()
) -> int | None:
    """Return another class to show evidence for; classes are sorted by their scores (k,).

    The next photo starts with the same class.
    """
    order = [int(n) for n in np.argsort(-scores, kind="stable") if int(n) not in shown]
    options = [classes[number] for number in order]
    said = {name: format_share(float(scores[classes.index(name)])) for name in options}
    kept = st.session_state.get(_CLASS)
    default = settle_widget(f"{key}.class", kept if kept in options else None)
    chosen = st.selectbox(
        "Evidence for another class",
        options,
        index=None if default is None else options.index(default),
        format_func=lambda option: f"{option} · {said[option]}",
        placeholder="Evidence for another class",
        label_visibility="collapsed",
        key=f"{key}.class",
        on_change=partial(_keep, f"{key}.class", _CLASS),
        width=260,
    )
    return None if chosen is None else classes.index(chosen)


def show_looked_at(page: PhotoPage) -> None:
    """Draw a switch and, while it is on, where a run looked: the first photo takes a second."""
    run = _switch_on(page, "Where a run looked", "panel.explain", "explaining.shown", "panel.run")
    if run is None or _say_sealed(run, page.photo):
        return
    result = cache.result(run.id)
    true, predicted = int(result.labels[page.photo]), int(result.scores[page.photo].argmax())
    roles = {predicted: ["predicted"]}
    roles.setdefault(true, []).append("true")
    draw_explanation(run, page.dataset, page.photo, roles, key="panel")


def show_reasons(page: PhotoPage) -> bool:
    """Draw a switch and, while it is on, why a run answers so; return the same as `show_why`."""
    run = _switch_on(page, "Why this answer", "panel.why", "why.shown", "why.run")
    return run is not None and show_why(run, page.dataset, page.photo, key="panel")


def _switch_on(page: PhotoPage, label: str, key: str, kept: str, runs: str) -> RunRecord | None:
    """Draw a switch of the panel, kept for the next photo; return the run to ask while it is on."""
    if not page.models:
        return None
    on = bool(settle_widget(key, st.session_state.get(kept, False)))
    if not st.toggle(label, on, key=key, on_change=partial(_keep, key, kept)):
        return None
    known = {run.id: run for run in page.models}
    if len(known) == 1:
        return page.models[0]
    wishes = (st.session_state.get(_RUN), read_choice("run"), page.models[0].id)
    run_id = settle_widget(runs, next(wish for wish in wishes if wish in known))
    chosen = pick_named(
        "Run",
        name_runs(page.models),
        index=0 if run_id is None else list(known).index(run_id),
        key=runs,
        on_change=partial(_keep, runs, _RUN),
    )
    return known[chosen]


def _say_sealed(run: RunRecord, photo: int) -> bool:
    """Return whether the answer of the run to a photo is sealed; say so."""
    sealed = bool(find_sealed(run.id)[photo])
    if sealed:
        st.caption(
            "This is a test photo, so the answer is sealed. You can open the test split on the "
            "page Metrics; each opening is counted."
        )
    return sealed


def settle_widget(name: str, value: Any) -> Any:
    """Return the default with which the next widget holds the value.

    The session state is only set where it differs (the default is None then), because setting it
    would undo a newer choice.
    """
    if name in st.session_state and st.session_state[name] != value:
        st.session_state[name] = value
        return None
    return value


def _keep(key: str, name: str) -> None:
    st.session_state[name] = st.session_state[key]


def show_why(run: RunRecord, dataset: Dataset, photo: int, *, key: str) -> bool:
    """Draw which photos decide the answer; return whether one was opened or the tray was filled."""
    with st.container(border=True):
        st.markdown("**Why this answer**", help=METHOD)
        if _say_sealed(run, photo):
            return False
        workspace, result = cache.workspace(), cache.result(run.id)
        opened = open_exact_head(lambda: find_run_source(workspace, dataset, run.id, result))
        if opened is None:
            return False
        source, head = opened
        try:
            why = ask_why(head, dataset, result, photo)
        except FeaturesMissing as error:
            st.info(f"{error.problem} {error.remedy}")
            return False
        st.markdown(f"{why.say_answer(_plain)} **{why.say_set(_plain)}**")
        for sentence in why.say_limits(plain(title_run(run)), _plain):
            st.caption(f":orange[{sentence}]" if why.differs else sentence)
        changed = bool(_show_set(why, title_run(run)))
        for place, side in zip(st.columns(2), why.sides, strict=True):
            with place:
                changed |= _show_side(why, side, key)
        rival = _plain(dataset.classes[why.rival])
        st.caption(f"Below each photo: the change in the lead of {rival} without this photo.")
        say_engine(source, head)
    return changed


def _plain(name: str) -> str:
    return plain(name, 40)


def _show_side(why: Why, side: int, key: str) -> bool:
    """Draw the photos that pull to a class; return whether one was opened."""
    (photos, effects), flip = why.sides[side], why.flip
    st.caption(f"Training photos that support **{_plain(why.dataset.classes[side])}**")
    if not len(photos):
        st.caption("None.")
        return False
    known = dict(zip(photos.tolist(), effects.tolist(), strict=True))
    names = why.dataset.manifest["class"].to_numpy()
    wall = Wall(
        f"why_{key}_{'true' if side == why.true else 'rival'}",
        selectable=False,
        captions=lambda one: f"{known[one]:+.3f}\n{names[one]}",
        badges=lambda one: ["in the set"] * bool(flip is not None and one in flip),
    )
    return show_wall(why.dataset, photos, wall).opened is not None


@cache.for_editors
def _show_set(why: Why, run: str) -> bool:
    """Draw the button that puts the set into the tray; return whether it was pressed."""
    flip, dataset = why.flip, why.dataset
    if flip is None:
        return False
    changes = resolve_edits(dataset, list_edits(cache.workspace(), dataset.id))
    if np.isin(flip, changes["photo"][changes["excluded"].astype(bool)]).all():
        label = "The photos are in the tray: see the predicted effect"
        link_page("dataset", label, "checklist", dataset=dataset.id, view="edits")
        return False
    photos = count(len(flip), "photo")
    if not st.button(
        f"Exclude in the tray: {photos}",
        icon=":material/block:",
        key=f"why.exclude.{why.photo}",
        help="Nothing changes until you apply the tray. Before that, the tray shows the predicted "
        "effect on the validation photos.",
    ):
        return False
    note = f"decide {dataset.manifest['path'].iat[why.photo]} ({run})"
    return note_edit(
        dataset,
        lambda: add_edits(cache.workspace(), dataset, flip.tolist(), "exclude", note=note),
        f"{photos} excluded",
    )
