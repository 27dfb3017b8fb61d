"""The training photos of a class nearest to a photo: what a run learnt from that is like it."""

import numpy as np
import streamlit as st

from core.errors import PetalscopeError
from core.formats import count as counted
from core.formats import plain
from core.prediction.nearest import NearestPhotos, find_nearest_training
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.messages import show_problem
from core.ui.wall import show_wall
from data.dataset import Dataset

_HELP = (
    "Training photos of this run that bear this class, by the cosine of their features with those "
    "of the photo; 1 is equal."
)


def show_nearest_training(
    run: RunRecord,
    dataset: Dataset,
    photo: int,
    class_number: int,
    *,
    count: int = 6,
    key: str = "nearest_training",
) -> int | None:
    """Draws the training photos of a class nearest to a photo; returns the one just opened.

    Args:
        run: A finished run of the dataset.
        dataset: Holds the photo.
        photo: Photo number.
        class_number: Which class.
        count: How many, at most.
        key: Name of the wall; another one on the same page needs another.
    """
    name = cache.result(run.id).classes[class_number]
    st.markdown(f"**Nearest training photos of {plain(name, 40)}**", help=_HELP)
    try:
        found = _find(run.id, cache.result_key(run.id), photo, class_number, count)
    except PetalscopeError as error:
        show_problem(error.problem, error.remedy)
        return None
    if not len(found.photos):
        st.caption("This run was trained with no other photo of this class.")
        return None
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    digests = dataset.manifest["sha256"].to_numpy()
    opened = show_wall(
        dataset,
        found.photos,
        key=key,
        selectable=False,
        captions=lambda other: f"{cosines[other]:.2f}",
        badges=lambda other: ["identical file"] * bool(digests[other] == digests[photo]),
    ).opened
    if len(found.photos) < count:
        st.caption(f"It was trained with {counted(len(found.photos), 'photo')} of this class.")
    return opened


@st.cache_data(max_entries=512, show_spinner=False)
def _find(
    run_id: str,
    when: float,  # noqa: ARG001 (part of the key)
    photo: int,
    class_number: int,
    count: int,
) -> NearestPhotos:
    found = find_nearest_training(
        cache.workspace(), cache.result(run_id), photo, [class_number], count
    )
    return NearestPhotos(*(np.asarray(values) for values in found[class_number]))
