"""What explaining photos keeps between reruns: the reader of maps by backbone, the head by run."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image

from core.errors import PhotoRefused
from core.runs.result import read_run_head
from core.runs.store import RunRecord
from core.ui.parts import cache
from data.dataset import Dataset
from data.images import decode_photo
from models.dense import DenseHead

if TYPE_CHECKING:
    from core.prediction.explaining import Explainer, MapReader

_LONGEST_SIDE = 1024
_DAMAGED = "The photo's own file can no longer be read; this is the square that was packed of it."


def explainer(run_id: str, dataset: Dataset) -> "Explainer":
    """Return the explainer of a run for the photos of its dataset.

    Raises:
        BackboneMissing: The run's backbone is not in the workspace, or was altered.
        ResultDamaged: Its head was cut short or altered.
    """
    from core.prediction.explaining import Explainer  # OpenVINO: loaded when first wanted

    result = cache.result(run_id)
    return Explainer(
        dataset=dataset,
        result=result,
        head=_head(run_id, cache.result_key(run_id)),
        maps=_map_reader(result.backbone_id, _backbone_key(result.backbone_id), run_id),
    )


def explain(
    run_id: str, dataset: Dataset, photo: int, classes: Sequence[int], *, common_scale: bool
) -> np.ndarray:
    """Return what spoke for each class, (c, 7, 7) float32 in [0, 1]."""
    return explainer(run_id, dataset).explain(photo, classes, common_scale=common_scale)


def prefetch(run: RunRecord, dataset: Dataset, photos: Sequence[int]) -> None:
    """Return at once; a thread keeps the maps of these photos, instead of those asked before."""
    explainer(run.id, dataset).maps.fetch_ahead(dataset, photos)


def _backbone_key(backbone_id: str) -> float:
    file = cache.workspace().backbone_folder(backbone_id) / "backbone.json"
    return file.stat().st_mtime if file.exists() else 0.0


@st.cache_resource(max_entries=8, show_spinner=False)
def _head(run_id: str, when: float) -> DenseHead:  # noqa: ARG001 (part of the key)
    return read_run_head(cache.workspace(), run_id)


@st.cache_resource(max_entries=3, show_spinner="Loading the model …")
def _map_reader(backbone_id: str, when: float, _run_id: str) -> "MapReader":  # noqa: ARG001
    from core.prediction.explaining import open_map_reader

    return open_map_reader(cache.workspace(), _run_id, cache.result(_run_id))


def read_large_photo(dataset: Dataset, photo: int) -> tuple[bytes, str]:
    """Return a JPEG of at most 1024 px, upright, and a word when it is not the file's own."""
    return _encode_large(dataset.id, photo, dataset)


@st.cache_data(max_entries=64, show_spinner=False)
def _encode_large(dataset_id: str, photo: int, _dataset: Dataset) -> tuple[bytes, str]:  # noqa: ARG001
    try:
        image, note = decode_photo(_dataset.original(photo))[0], ""
    except (PhotoRefused, OSError):
        image, note = Image.fromarray(_dataset.photos[photo]), _DAMAGED
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue(), note
