"""Search by a picture: the photos of a dataset nearest to an uploaded one, by their features."""

import threading

import numpy as np
import streamlit as st

from core.config import read_settings
from core.datasets.quality.store import FeatureSet, find_feature_sets
from core.errors import FeaturesMissing
from core.prediction.nearest import NearestPhotos, measure_cosines
from core.ui.parts import cache
from core.ui.parts.frame import link_page
from core.ui.parts.messages import report_errors
from core.ui.wall import Wall, show_wall
from data.dataset import Dataset
from data.images import FORMATS_SAID, read_packed_photo
from models.backbone import Backbone, open_backbone
from models.rows import read_kept

_SHOWN = 24
_TURN = threading.Lock()
"""A compiled backbone looks at one photo at a time."""


def show_search(dataset: Dataset) -> None:
    """Draw the upload of a picture, and the photos nearest to it."""
    with report_errors():
        sets = find_feature_sets(cache.workspace(), dataset.id)
        if not sets:
            st.caption("The search compares features. Analyse the dataset once to compute them.")
            link_page("quality", "Analyse the quality", "rule")
            return
        picture = st.file_uploader(
            "Picture",
            key="dataset.picture",
            max_upload_size=read_settings().photo_limit_mb,
            help=f"{FORMATS_SAID}. It is compared, not stored.",
        )
        if picture is not None:
            _show_nearest(dataset, _find_nearest(sets[0], picture.getvalue()))


def _show_nearest(dataset: Dataset, nearest: NearestPhotos) -> None:
    cosines = dict(zip(nearest.photos.tolist(), nearest.cosines.tolist(), strict=True))
    st.caption(
        f"The {len(nearest.photos)} most similar of {len(dataset):,} photos, with the cosine of "
        "their features: 1.00 for the same picture."
    )

    def describe(photo: int) -> str:
        return f"{dataset.classes[dataset.labels[photo]]} {cosines[photo]:.2f}"

    show_wall(dataset, nearest.photos, Wall("dataset_search", describe, selectable=False))


@st.cache_data(max_entries=16, show_spinner="Searching …")
def _find_nearest(features: FeatureSet, picture: bytes) -> NearestPhotos:
    kept = read_kept(cache.workspace(), features.id)
    if kept is None:
        raise FeaturesMissing("The features of these photos were altered.", "Analyse them again.")
    backbone = _open_backbone(features.backbone_id)
    photo, _ = read_packed_photo(picture, backbone.facts.framing)
    with _TURN:
        wanted = backbone.look(photo[None]).features[0]
    cosines = measure_cosines(kept, wanted)
    photos = np.argsort(-cosines, kind="stable")[:_SHOWN]
    return NearestPhotos(photos, cosines[photos])


@st.cache_resource(max_entries=1, show_spinner="Loading the network …")
def _open_backbone(backbone_id: str) -> Backbone:
    return open_backbone(cache.workspace(), backbone_id, purpose="latency")
