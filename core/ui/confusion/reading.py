"""What the confusion page computes once: which photos show a class best."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.errors import FeaturesMissing
from core.evaluation.mistakes import find_typical
from core.runs.run_photos import read_run_features
from core.ui.parts import cache
from models.keeping import is_kept


@dataclass(frozen=True)
class TypicalPhotos:
    """Train photos of a class that the run recognises."""

    photos: np.ndarray
    """(m,) int, the most typical first."""
    by_features: bool
    """False: the features are gone, and these are the ones with the highest score."""


def typical_photos(run_id: str, number: int, top: int) -> TypicalPhotos:
    """Returns the train photos that show a class best, of those that the run recognises."""
    kept = is_kept(cache.workspace(), cache.result(run_id).features_id)
    return _typical_photos(run_id, number, top, cache.result_key(run_id), kept)


@st.cache_resource(max_entries=512, show_spinner=False)
def _typical_photos(
    run_id: str,
    number: int,
    top: int,
    when: float,  # noqa: ARG001 (part of the key)
    kept: bool,  # noqa: ARG001 (whether the features are: part of the key)
) -> TypicalPhotos:
    result = cache.result(run_id)
    train = result.photo_numbers("train")
    mine = train[result.labels[train] == number]
    mine = mine[result.scores[mine].argmax(axis=1) == number]
    try:
        features = np.asarray(read_run_features(cache.workspace(), result)[mine], dtype=np.float32)
    except FeaturesMissing:
        surest = np.argsort(-result.scores[mine, number], kind="stable")[:top]
        return TypicalPhotos(mine[surest], by_features=False)
    return TypicalPhotos(mine[find_typical(features, top)], by_features=True)
