"""What a run's own photos say about when to trust it: drawn photos, and a rule to begin with.

All is chosen on validation photos. What takes a while is computed once and kept beside the run.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.errors import RuleRefused
from core.evaluation.calibration import (
    FEWEST_TO_FIT,
    cross_fit_scores,
    fit_temperature,
    temper_scores,
)
from core.evaluation.coverage import choose_threshold, find_limit
from core.prediction.deciding import DecisionRule
from core.prediction.predictor import Predictor
from core.prediction.unlike import UNLIKE_VERSION, UnlikeModel
from core.runs.derived import keep_arrays
from core.runs.result import RunResult
from core.workspace import Workspace
from data.unlike import DRAWN_VERSION, PER_MOTIF, draw_unlike_photos

_SMALL = 112


@dataclass(frozen=True, kw_only=True, eq=False)
class UnlikeAnswers:
    """What a run says of photos that show none of its classes."""

    distances: np.ndarray
    """(m,) float32."""
    scores: np.ndarray
    """(m, k) float32, as the run gives them."""
    names: np.ndarray
    """(m,) str: the motif, or the name of the file."""
    photos: np.ndarray
    """(m, 112, 112, 3) uint8 RGB, small, to be shown."""


def answer_drawn(
    workspace: Workspace,
    run_id: str,
    predictor: Predictor,
    model: UnlikeModel,
    per_motif: int = PER_MOTIF,
) -> UnlikeAnswers:
    """Returns what a run says of the drawn photos without a flower; computed the first time."""

    def make() -> dict[str, np.ndarray]:
        drawn = draw_unlike_photos(per_motif)
        return vars(answer_photos(predictor, model, drawn.photos, drawn.motifs))

    facts = {"version": [UNLIKE_VERSION, DRAWN_VERSION], "per_motif": per_motif}
    return UnlikeAnswers(**keep_arrays(workspace, run_id, "unlike-drawn", facts, make))


def answer_photos(
    predictor: Predictor, model: UnlikeModel, photos: np.ndarray, names: tuple[str, ...]
) -> UnlikeAnswers:
    """Returns what a run says of packed photos (m, 224, 224, 3) uint8 that show no class of it."""
    features, scores = predictor.answer_packed(photos)
    small = [Image.fromarray(photo).resize((_SMALL, _SMALL)) for photo in photos]
    return UnlikeAnswers(
        distances=model.measure(features),
        scores=scores,
        names=np.array(names, dtype=np.str_),
        photos=np.stack([np.asarray(image) for image in small]),
    )


def suggest_rule(
    result: RunResult, distances: np.ndarray | None, target: float = 0.95
) -> DecisionRule:
    """Returns a rule chosen on the validation photos.

    The temperature that fits them best; the lowest threshold from which on `target` of the answers
    are right (0.5 where none is); the distance that keeps 95 % of them. Of what too few photos
    speak, nothing is said: temperature 1, no limit.

    Args:
        result: Of the run.
        distances: (n,) of all its photos; None where they are not known.
        target: Share of right answers, in [0, 1].

    Raises:
        RuleRefused: The run has no validation photos.
    """
    photos = result.photo_numbers("validation")
    if not len(photos):
        raise RuleRefused(
            "This run has no validation photos, so nothing can be chosen on them.",
            "Train on a dataset with a validation split.",
        )
    scores, labels = result.scores[photos], result.labels[photos]
    temperature = find_temperature(scores, labels)
    tempered = temper_scores(scores, temperature or 1.0)
    threshold = choose_threshold(tempered.max(axis=1), tempered.argmax(axis=1) == labels, target)
    return DecisionRule(
        temperature=temperature or 1.0,
        threshold=0.5 if threshold is None else threshold,
        unlike_limit=None if distances is None else find_limit(distances[photos]),
        n=len(photos),
    )


def find_temperature(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Returns the temperature that fits the photos best; None where they do not settle one.

    They are fewer than 30, or every sharper (or flatter) one fits better still, or one fitted on
    some of them does not help on the others.
    """
    if len(labels) < FEWEST_TO_FIT:
        return None
    fit = fit_temperature(scores, labels)
    if fit.at_edge:
        return None
    rows = np.arange(len(labels))
    before, after = (
        -np.log(np.maximum(given[rows, labels], np.finfo(np.float32).tiny)).mean()
        for given in (scores, cross_fit_scores(scores, labels))
    )
    return fit.temperature if after < before else None
