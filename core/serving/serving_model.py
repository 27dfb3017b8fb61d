"""A version ready to serve: one photo at a time, and many where that is faster on this machine."""

import math
import time
from dataclasses import dataclass

import numpy as np

from core.config import PHOTO_SIZE
from core.evaluation.calibration import temper_scores
from core.prediction.model_version import ModelVersion
from core.prediction.predictor import Predictor
from core.registry.loading import open_version
from core.workspace import Workspace

BATCH = 16
"""Photos of a batch, where the network is compiled for many."""
_FEW = 2
"""Photos of a batch, where it takes one after the other: more would only wait for another."""
_WORTH = 1.15
"""How many times as fast many at a time must be to be kept: noise must not decide."""
_TRIALS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class ServingModel:
    """What answers: one version, compiled for one photo and perhaps for many."""

    version: ModelVersion
    single: Predictor
    many: Predictor | None = None
    break_even: int = 1
    """Photos from which on `many` is the faster one."""

    @property
    def batch_size(self) -> int:
        """Photos that it is given at a time, at most."""
        return BATCH if self.many else _FEW

    def answer(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns features (n, 2048) and scores (n, k) of packed photos (n, 224, 224, 3) uint8."""
        if self.many is not None and len(photos) >= self.break_even:
            return self.many.answer_packed(photos)
        return self.single.answer_packed(photos)

    def rank(self, scores: np.ndarray, top: int) -> list[tuple[str, float]]:
        """Returns the `top` best classes and their scores, calibrated where there is a rule."""
        rule = self.single.rule
        shown = temper_scores(scores[None], rule.temperature)[0] if rule else scores
        best = np.argsort(-shown, kind="stable")[:top]
        return [(self.single.classes[number], float(shown[number])) for number in best]


def open_serving_model(workspace: Workspace, version: ModelVersion) -> ServingModel:
    """Returns the version, warmed up and compiled for what is faster here.

    Raises:
        VersionDamaged: A file of it was cut short or altered.
        VersionMissing: It was deleted.
    """
    single = open_version(workspace, version.number, purpose="latency")
    return add_many(version, single, open_version(workspace, version.number, purpose="throughput"))


def add_many(version: ModelVersion, single: Predictor, many: Predictor) -> ServingModel:
    """Returns the model; `many` is kept only where it answers clearly more photos a second."""
    batch = np.zeros((BATCH, PHOTO_SIZE, PHOTO_SIZE, 3), dtype=np.uint8)
    for predictor in (single, many):  # the first answer is slower than any later one
        features, scores = predictor.answer_packed(batch[:1])
        predictor.decide_scores(scores[0], features[0])
    one = min(_time_answer(single, batch[:1]) for _ in range(2 * _TRIALS))
    whole = min(_time_answer(many, batch) for _ in range(_TRIALS))
    if BATCH * one < _WORTH * whole:
        return ServingModel(version=version, single=single)
    return ServingModel(
        version=version, single=single, many=many, break_even=math.ceil(whole / one)
    )


def _time_answer(predictor: Predictor, photos: np.ndarray) -> float:
    start = time.perf_counter()
    predictor.answer_packed(photos)
    return time.perf_counter() - start
