"""The worst photos of a report: the photo, and what spoke for the predicted and the true class."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.errors import BackboneMissing
from core.evaluation.mistakes import rank_photos, read_answers
from core.prediction.explaining import Explainer, open_explainer
from core.prediction.gradcam import draw_overlay
from core.runs.result import RunResult
from core.workspace import Workspace
from data.dataset import Dataset

MOST = 24
_SIDE = 144
_QUALITY = 72


@dataclass(frozen=True, kw_only=True)
class WorstPhoto:
    """A wrong photo with both classes and their scores, and its pictures as WebP."""

    photo: int
    path: str
    true: str
    true_score: float
    predicted: str
    predicted_score: float
    picture: bytes
    overlays: tuple[bytes, ...]
    """Grad-CAM of the predicted and of the true class; empty where the backbone is gone."""


def picture_worst(
    workspace: Workspace,
    run_id: str,
    dataset: Dataset,
    result: RunResult,
    photos: np.ndarray,
    most: int = MOST,
) -> list[WorstPhoto]:
    """Returns the wrong ones of the photos, the highest loss first, at most `most`."""
    answers = read_answers(result.scores[photos], result.labels[photos])
    rows = rank_photos("highest-loss", answers, result.paths[photos])[:most]
    if not len(rows):
        return []
    explainer = _open(workspace, run_id)
    pictured = []
    for photo, predicted in zip(photos[rows].tolist(), answers.predictions[rows], strict=True):
        true = int(result.labels[photo])
        pixels = np.asarray(dataset.photos[photo])
        spoke = explainer.explain(photo, (int(predicted), true)) if explainer else ()
        pictured.append(
            WorstPhoto(
                photo=photo,
                path=str(result.paths[photo]),
                true=result.classes[true],
                true_score=float(result.scores[photo, true]),
                predicted=result.classes[predicted],
                predicted_score=float(result.scores[photo, predicted]),
                picture=_encode(pixels),
                overlays=tuple(_encode(draw_overlay(pixels, one)) for one in spoke),
            )
        )
    return pictured


def _open(workspace: Workspace, run_id: str) -> Explainer | None:
    try:
        return open_explainer(workspace, run_id)
    except BackboneMissing:  # a report of what was measured does not need it
        return None


def _encode(pixels: np.ndarray) -> bytes:
    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    with io.BytesIO() as packed:
        small.save(packed, "WEBP", quality=_QUALITY)
        return packed.getvalue()
