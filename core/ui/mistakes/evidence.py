"""What is known of the photo under review: itself, what the run answers, and why.

Drawn anew with each step of the review, so everything here comes from memory or is quick.
"""

import math
from contextlib import suppress

import numpy as np
import streamlit as st

from core.charts.theme import format_share
from core.errors import PetalscopeError
from core.formats import plain
from core.runs.store import RunRecord
from core.ui.mistakes.nearest_training import show_nearest_training
from core.ui.mistakes.reading import answers
from core.ui.parts import cache
from core.ui.photos.explaining import show_explanation
from core.ui.photos.reading import prefetch, read_large_photo
from data.dataset import Dataset

_HIGHEST = 430
"""Pixels on screen: photo, answer and buttons are in sight together."""
_NEAREST = 6
_TINY = float(np.finfo(np.float32).eps)
"""Scores below it count as it, as in the loss of the metrics."""


def show_photo(dataset: Dataset, photo: int) -> None:
    """Draws the photo as large as the screen allows, with its path below."""
    content, note = read_large_photo(dataset, photo)
    row = dataset.manifest.iloc[photo]
    width = round(_HIGHEST * row["width"] / row["height"])
    st.image(content, alt=f"{row['class']}, {row['path']}", width=max(width, 40))
    st.caption(f"{plain(str(row['path']))} · {row['width']:,} × {row['height']:,} px  \n{note}")


def show_answer(run: RunRecord, photo: int, waiting: str) -> None:
    """Draws the true class and the predicted class, each with its name and score."""
    result, said = cache.result(run.id), answers(run.id)
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


def show_evidence(run: RunRecord, dataset: Dataset, photo: int, coming: np.ndarray) -> int | None:
    """Draws Grad-CAM and the nearest training photos of both classes.

    Args:
        coming: The photos that will be looked at next: their maps are made meanwhile.

    Returns:
        The photo that was clicked among the nearest ones, or None.
    """
    result, said = cache.result(run.id), answers(run.id)
    label, predicted = int(result.labels[photo]), int(said.predictions[photo])
    roles = {predicted: "predicted"} | {label: "true"}
    if label == predicted:
        roles = {label: "true and predicted"}
    show_explanation(run, dataset, photo, list(roles), key="mistakes", roles=list(roles.values()))
    opened = None
    for number, role in roles.items():
        clicked = show_nearest_training(
            run,
            dataset,
            photo,
            number,
            count=_NEAREST,
            key="near_predicted" if role == "predicted" else "near_true",
        )
        opened = clicked if clicked is not None else opened
    with suppress(PetalscopeError):  # that there is no backbone was said above
        prefetch(run, dataset, coming.tolist())
    return opened
