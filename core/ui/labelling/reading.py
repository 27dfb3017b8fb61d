"""What the labelling desk shows, read once: what is known, the next photo, what a head thinks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.datasets.edits.tray import Edit, list_edits
from core.exact.ordering import (
    Basis,
    Labels,
    choose_next,
    guess,
    measure_right,
    read_basis,
    read_labels,
)
from core.instant.herding import STRATEGIES, Strategy
from core.ui.parts import cache
from core.ui.parts.state import read_choice
from data.dataset import Dataset
from data.sources.unlabelled import is_no_label

DIGITS = 9
BY = "by"


@dataclass(frozen=True, kw_only=True, eq=False)
class Desk:
    """A dataset under the hands of somebody who labels it."""

    labels: Labels
    last: Edit | None
    basis: Basis | None
    by: Strategy
    photo: int | None
    """Whose turn it is; None: none is waiting."""
    guesses: dict[str, float]
    """What a head of the labels so far says of it; empty: too few are known."""
    choices: list[str]
    right: int
    judged: int
    """Labelled validation photos, and on how many of them that head is right."""


def read_desk(dataset: Dataset) -> Desk:
    """Read what is known of the photos, and choose the next one."""
    edits = list_edits(cache.workspace(), dataset.id)
    labels, basis = read_labels(dataset, edits), find_basis(dataset.id)
    stated = read_choice(BY)
    by = next((one for one in STRATEGIES if one == stated), STRATEGIES[0])
    rows = basis.rows if basis else None
    photo = _choose(labels, rows, by)
    guesses, right, judged = {}, 0, 0
    if rows is not None and photo is not None:
        guesses = dict(guess(labels, rows, photo))
        right, judged = measure_right(labels, rows)
    return Desk(
        labels=labels,
        last=edits[-1] if edits else None,
        basis=basis,
        by=by,
        photo=photo,
        guesses=guesses,
        choices=list_choices(labels.classes, edits, guesses),
        right=right,
        judged=judged,
    )


def list_choices(
    classes: Sequence[str], edits: Sequence[Edit], guesses: dict[str, float]
) -> list[str]:
    """Return the classes that a digit names, at most nine.

    Up to nine keep their digit, known ones first; of more the likely ones, else those named last.
    """
    named = [edit.value for edit in edits if edit.action == "relabel" and edit.value in classes]
    if len(classes) <= DIGITS:
        return list(dict.fromkeys([*(one for one in classes if one not in named), *named]))
    if guesses:
        return list(guesses)[:DIGITS]
    return list(dict.fromkeys([*reversed(named), *classes]))[:DIGITS]


@cache.cached_by(cache.analyses_written, most=4)
def find_basis(dataset_id: str) -> Basis | None:
    """Return what photos of the dataset are ordered by; None while it is not made."""
    return read_basis(cache.workspace(), dataset_id)


def name_later(dataset: Dataset) -> str:
    """Return the session key of the photos that were put off."""
    return f"labelling.later.{dataset.id}"


def name_now(dataset: Dataset) -> str:
    """Return the session key of the photo whose turn it is: it stays until it is decided on."""
    return f"labelling.now.{dataset.id}"


def check_name(name: str) -> bool:
    """Return whether a class of that name says what a photo is."""
    return bool(name.strip()) and not is_no_label(name)


def _choose(labels: Labels, rows: np.ndarray | None, by: Strategy) -> int | None:
    """Return the next photo; those that were put off come when no other is left."""
    later = st.session_state.get(name_later(labels.dataset), [])
    now: int | None = st.session_state.get(name_now(labels.dataset))
    if now is not None and labels.numbers[now] == -1 and now not in later:
        return now
    order = choose_next(labels, rows, by=by, most=len(later) + 1).tolist()
    put_off = [photo for photo in later if labels.numbers[photo] == -1]
    now = next((photo for photo in order if photo not in later), (put_off or [None])[0])
    st.session_state[name_now(labels.dataset)] = now
    return now
