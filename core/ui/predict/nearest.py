"""What a model learnt from that is most like a photo: training photos of any class."""

import numpy as np
import streamlit as st

from core.errors import PetalscopeError
from core.formats import plain
from core.prediction.nearest import NearestPhotos, find_nearest_learnt
from core.prediction.predictor import Prediction
from core.ui.parts import cache
from core.ui.predict.models import Model
from core.ui.wall import Wall, show_wall

_COUNT = 6
_HELP = (
    "By the cosine of their features with those of your photo; 1 is equal. Where they show what "
    "your photo shows, the answer has something to stand on."
)


def show_nearest(model: Model, prediction: Prediction, digest: str, *, key: str) -> None:
    """Draws the training photos that are most like a photo, each with its class.

    Where the run of a version, its dataset or its features are gone, says so.

    Args:
        model: Which answered.
        prediction: Its answer.
        digest: SHA-256 of the photo's bytes.
        key: Name of the wall; another one on the same page needs another.
    """
    st.markdown("**Most like it among the photos it was trained with**", help=_HELP)
    try:
        result = cache.result(model.run_id)
        dataset = cache.dataset(result.dataset_id)
        found = _find(model.run_id, cache.result_key(model.run_id), digest, prediction.features)
    except PetalscopeError as error:
        st.caption(f"They cannot be shown any more. {plain(error.problem)}")
        return
    cosines = dict(zip(found.photos.tolist(), found.cosines.tolist(), strict=True))
    names, digests = (dataset.manifest[name].to_numpy() for name in ("class", "sha256"))
    show_wall(
        dataset,
        found.photos,
        Wall(
            key,
            selectable=False,
            opens=False,
            captions=lambda photo: f"{names[photo]}\n{cosines[photo]:.2f}",
            badges=lambda photo: ["identical file"] * bool(digests[photo] == digest),
        ),
    )
    if (digests[found.photos] == digest).any():
        st.caption(
            ":orange[It was trained with this very photo: that it knows it says nothing about "
            "others.]"
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _find(
    run_id: str,
    when: float,  # noqa: ARG001 (part of the key)
    digest: str,  # noqa: ARG001 (part of the key)
    _features: np.ndarray,
) -> NearestPhotos:
    found = find_nearest_learnt(cache.workspace(), cache.result(run_id), _features, _COUNT)
    return NearestPhotos(*(np.asarray(values) for values in found))
