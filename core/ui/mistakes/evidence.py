"""What is known of the photo under review: itself, what the run answers, and why.

Drawn anew with each step of the review, so everything here comes from memory or is quick.
"""

import math
from contextlib import suppress

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.errors import PetalscopeError
from core.formats import count, plain
from core.ui.mistakes.reading import Listed
from core.ui.parts.messages import show_problem
from core.ui.photos.explaining import show_explanation, show_why
from core.ui.photos.reading import prefetch
from core.ui.wall import Wall, show_wall

_NEAREST = 6
_HELP = (
    "Training photos of this run that bear this class, by the cosine of their features with those "
    "of the photo; 1 is equal."
)
_TINY = float(np.finfo(np.float32).eps)
"""Scores below it count as it, as in the loss of the metrics."""


def show_answer(listed: Listed, photo: int, waiting: str) -> None:
    """Draw the true class and the predicted class, each with its name and score."""
    result, said = listed.result, listed.answers
    label, predicted = int(result.labels[photo]), int(said.predictions[photo])
    verdict = ":red[wrong]" if said.wrong[photo] else ":green[right]"
    for place, word, number in zip(
        st.columns(2), ("True class", f"Predicted, {verdict}"), (label, predicted), strict=True
    ):
        with place.container(gap="xxsmall"):
            st.caption(word)
            st.markdown(f"**{plain(result.classes[number])}**")
            score = float(result.scores[photo, number])
            loss = f" · loss {-math.log(max(score, _TINY)):.2f}" if word == "True class" else ""
            st.markdown(f"Score {format_share(score)}{loss}")
    if waiting:
        st.markdown(f":green[:material/edit_note: In the tray: {waiting}]")


def show_evidence(listed: Listed, photo: int, coming: np.ndarray) -> bool:
    """Draw Grad-CAM, the training photos that decide, and the nearest ones of both classes.

    Args:
        coming: The photos that will be looked at next: their maps are made meanwhile.

    Returns:
        Whether a photo was clicked or the tray was filled: all is to be drawn anew.
    """
    result, said = listed.result, listed.answers
    label, predicted = int(result.labels[photo]), int(said.predictions[photo])
    roles = {predicted: "predicted"} | {label: "true"}
    if label == predicted:
        roles = {label: "true and predicted"}
    words = {number: [role] for number, role in roles.items()}
    show_explanation(listed.run, listed.dataset, photo, words, key="mistakes")
    changed = show_why(listed.run, listed.dataset, photo, key="mistakes")
    for number, role in roles.items():
        key = "near_predicted" if role == "predicted" else "near_true"
        changed |= show_nearest_training(listed, photo, number, key=key) is not None
    with suppress(PetalscopeError):  # that there is no backbone was said above
        prefetch(listed.run, listed.dataset, coming.tolist())
    return changed


def show_nearest_training(
    listed: Listed, photo: int, class_number: int, *, most: int = _NEAREST, key: str = "nearest"
) -> int | None:
    """Draw the training photos of a class nearest to a photo; return the one just opened."""
    name = listed.result.classes[class_number]
    st.markdown(f"**Nearest training photos of {plain(name, 40)}**", help=_HELP)
    try:
        found = listed.find_nearest(photo, class_number, most)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return None
    if not len(found.photos):
        st.caption("This run was trained with no other photo of this class.")
        return None
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    digests = listed.dataset.manifest["sha256"].to_numpy()
    opened = show_wall(
        listed.dataset,
        found.photos,
        Wall(
            key,
            selectable=False,
            captions=lambda other: f"{cosines[other]:.2f}",
            badges=lambda other: ["identical file"] * bool(digests[other] == digests[photo]),
        ),
    ).opened
    if len(found.photos) < most:
        st.caption(f"It was trained with {count(len(found.photos), 'photo')} of this class.")
    return opened
