"""Answers of a run or a registered version for new photos: decode, backbone, head.

Several threads may use one predictor; the backbone answers one photo at a time.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.config import FRAMING, Framing
from core.errors import BackboneMissing, NetworkUnsupported
from core.prediction.deciding import Decision, DecisionRule, ModelVersion, rank_classes
from core.prediction.gradcam import (
    measure_evidence,
    measure_occlusion,
    occlude_photo,
    scale_evidence,
)
from core.prediction.rules import FrozenRule, StandingRule
from core.runs.recipe.recipe import Recipe, check_network
from core.runs.result import read_result, read_run_head
from core.runs.store import read_run
from core.workspace import Workspace
from data.images import PhotoFacts, read_packed_photo
from models.backbone import ADD_AGAIN, Backbone, BackboneFacts, open_backbone
from models.catalogue import DEFAULT
from models.dense import DenseHead


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """The answer of a model for one photo, with its features."""

    run_id: str
    top: list[tuple[str, float]]
    """The 5 best classes (or all, when there are fewer) and their scores, best first."""
    scores: np.ndarray
    """(k,) float32, sums to 1."""
    photo: np.ndarray
    """(224, 224, 3) uint8 RGB, as the backbone saw it."""
    map: np.ndarray
    """(h, w, d) float32, the last map, if the model has one."""
    features: np.ndarray
    """(d,) float32, its mean over the places."""
    facts: PhotoFacts
    seconds: dict[str, float]
    """Of "decoding", "backbone" and "head" with the decision, without waiting for other photos; in
    the API of "decoding", "waiting" and "model"."""
    decision: Decision
    """By the rule of the model, if it has one."""
    framing: Framing = FRAMING
    """How `photo` was packed."""
    version: int | None = None
    """Number of the registered version; None for a run."""

    @property
    def spent_ms(self) -> float:
        """Time for this photo in ms."""
        return 1000 * sum(self.seconds.values())


class Predictor:
    """The backbone, head and rule of one run or registered version, ready to answer."""

    def __init__(
        self,
        run_id: str,
        classes: Sequence[str],
        backbone: Backbone,
        head: DenseHead,
        rule: FrozenRule | StandingRule,
        version: ModelVersion | None = None,
    ) -> None:
        self.run_id = run_id
        self.version = version
        self.classes = tuple(classes)
        self._backbone = backbone
        self._head = head
        self._rule = rule
        self._turn = threading.Lock()
        self._occluded: tuple[Prediction | None, np.ndarray] = (None, np.empty((0, 0)))

    @property
    def rule(self) -> DecisionRule | None:
        """Its current rule; None: every photo is answered."""
        return self._find_rule().rule

    @property
    def is_blind(self) -> bool:
        """Whether the rule has a limit for unlike photos, but the features for it are missing."""
        return self._find_rule().is_blind

    @property
    def backbone_facts(self) -> BackboneFacts:
        """Weights, preprocessing, framing and precision behind the answers."""
        return self._backbone.facts

    def predict(self, content: bytes) -> Prediction:
        """Return the answer for the bytes of one photo.

        Raises:
            PhotoUnreadable: Not a photo, or a damaged one.
            PhotoTooLarge: More bytes or pixels than the settings allow.
        """
        started = time.perf_counter()
        photo, facts = read_packed_photo(content, self.backbone_facts.framing)
        decoded = time.perf_counter()
        with self._turn:
            begun = time.perf_counter()
            look = self._backbone.look(photo[None])
            seen = time.perf_counter()
        scores = self._head.scores(look.features)[0]
        decision = self.decide_scores(scores, look.features[0])
        ended = time.perf_counter()
        return Prediction(
            run_id=self.run_id,
            top=rank_classes(scores, self.classes),
            scores=scores,
            photo=photo,
            map=look.maps[0],
            features=look.features[0],
            facts=facts,
            seconds={"decoding": decoded - started, "backbone": seen - begun, "head": ended - seen},
            decision=decision,
            framing=self.backbone_facts.framing,
            version=self.version.number if self.version else None,
        )

    @property
    def without_backbone(self) -> "partial[Predictor]":
        """A function that makes the same predictor from its opened backbone."""
        return partial(
            Predictor,
            self.run_id,
            self.classes,
            head=self._head,
            rule=self._find_rule(),
            version=self.version,
        )

    def decide(self, prediction: Prediction) -> Decision:
        """Return the decision by the current rule, also for an older prediction."""
        return self.decide_scores(prediction.scores, prediction.features)

    def decide_scores(self, scores: np.ndarray, features: np.ndarray) -> Decision:
        """Return the decision from scores (k,) and features (d,)."""
        return self._find_rule().decide(scores, features)

    def _find_rule(self) -> FrozenRule:
        return self._rule.read() if isinstance(self._rule, StandingRule) else self._rule

    def answer_packed(self, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features (n, d) and scores (n, k) of packed photos (n, 224, 224, 3) uint8."""
        size = self._backbone.batch_size
        with self._turn:
            if size == 1:
                features = self._backbone.look(photos).features
            else:  # compiled for many: each core gets a batch
                batches = (photos[start : start + size] for start in range(0, len(photos), size))
                features = np.concatenate(list(self._backbone.stream(batches)))
        return features, self._head.scores(features)

    def explain(self, prediction: Prediction, classes: Sequence[int]) -> np.ndarray:
        """Return the evidence for each class, (c, h, w) float32 in [0, 1]; see `scale_evidence`.

        Of a model without a map it is measured by occlusion.
        """
        numbers = np.asarray(classes, dtype=np.int64)
        if not self.backbone_facts.has_map:
            seen, covered = self._occluded
            if seen is not prediction:
                covered = self.answer_packed(occlude_photo(prediction.photo))[1]
                self._occluded = prediction, covered
            drops = measure_occlusion(prediction.scores[numbers], covered[:, numbers])
            return scale_evidence(drops)
        features = np.broadcast_to(prediction.features, (len(numbers), len(prediction.features)))
        gradients = self._head.logit_gradient(features, numbers)
        return scale_evidence(measure_evidence(prediction.map, gradients))


def open_predictor(workspace: Workspace, run_id: str) -> Predictor:
    """Return the predictor of a finished run.

    Raises:
        RunUnfinished: The run has no result (yet).
        ResultDamaged: Its result was cut short or altered.
        BackboneMissing: Its backbone is not in the workspace, or was altered.
    """
    result = read_result(workspace, run_id)
    head = read_run_head(workspace, run_id)
    backbone = open_run_backbone(workspace, run_id, result.backbone_id)
    rule = StandingRule(workspace, run_id, result)
    return Predictor(run_id, result.classes, backbone, head, rule)


def open_run_backbone(workspace: Workspace, run_id: str, backbone_id: str) -> Backbone:
    """Return the backbone of a run, compiled for one photo at a time.

    Raises:
        BackboneMissing: It is not in the workspace, or was altered; with the remedy for this run.
    """
    with name_remedy(workspace, run_id):
        return open_backbone(workspace, backbone_id, purpose="latency")


@contextmanager
def name_remedy(workspace: Workspace, run_id: str) -> Iterator[None]:
    """Add to the error of a missing backbone the remedy for this run."""
    try:
        yield
    except NetworkUnsupported:
        raise
    except BackboneMissing as error:
        recipe = read_run(workspace, run_id).recipe
        check_network(recipe)
        remedy = f"Run “{_features_command(recipe)}”: it makes the backbone again."
        if recipe.is_added:
            remedy = ADD_AGAIN
        if recipe.trained_stages:  # made by the run itself
            remedy = "Delete the run and train the same recipe again: it gives the same backbone."
        raise BackboneMissing(error.problem, remedy, **error.facts) from error


def _features_command(recipe: Recipe) -> str:
    """Return the command that makes the backbone of a recipe again."""
    words = ["python -m core features", recipe.dataset]
    words += [f"--weights {recipe.weights}"] if recipe.weights != DEFAULT else []
    words += ["--preprocessing unit"] if recipe.preprocessing == "unit" else []
    words += ["--framing pad"] if recipe.framing == "pad" else []
    return " ".join(words)
