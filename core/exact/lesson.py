"""What a lesson shows that takes longer than a move of its control: measured ahead, by jobs.

Stages: a sample of training photos goes through trained and random weights; on the means of each
stage's last map (conv1 to conv5) stands an exact head, which answers each photo left out.
Trainings: the live head learns with every value of every step, for a few seeds. Test photos are not
used.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from core.config import FRAMING, fingerprint
from core.errors import LessonRefused
from core.exact.store import HeadSource, prepare_head
from core.instant.head import fit_head
from core.instant.subsets import order_stratified
from core.kept import read_cached
from core.runs.jobs import Report
from core.runs.store import Phase
from core.runs.training.preparing import Preparation, prepare_backbone, prepare_photos
from core.teaching.lessons import list_lessons, read_lesson
from core.teaching.live_head import Known, LiveEpoch, LiveRecipe, learn
from core.workspace import Workspace
from models.devices import find_device
from models.extraction import STAGE_BATCH, read_features, stream_stages
from models.weights import WeightsKind, find_weights

KIND, TRAININGS = "stages", "trainings"
SEEDS = 4
"""So many trainings of one recipe differ: neighbours do, and thirty people need no thirty."""
MOST_LEARNT = 5_000
"""Photos that a live head learns from at most: a lesson shows how, not how well."""
MOST, LEAST_A_CLASS = 500, 5
"""Photos that are asked: so many, or more where there are many classes."""


def read_stages(workspace: Workspace, source: HeadSource) -> pd.DataFrame | None:
    """Return weights, stage (1 to 5), right and n (photos); None while it is not measured."""
    found = read_cached(workspace, source.identify(KIND))
    return None if found is None else found.read_table(KIND)


def prepare_stages(workspace: Workspace, source: HeadSource, report: Report) -> None:
    """Measure the stages of the source's weights and of random ones, unless it is done.

    Raises:
        WeightsMissing: The weights went.
    """
    if read_stages(workspace, source) is not None:
        return
    labels, n_classes = source.dataset.labels, len(source.dataset.classes)
    order = order_stratified(labels[source.train], np.random.default_rng(0))
    photos = np.sort(source.train[order[: max(MOST, LEAST_A_CLASS * n_classes)]])
    rows = []
    for weights in dict.fromkeys([source.weights, "random"]):
        features = _look(workspace, source, weights, photos, report)
        for stage, values in enumerate(features, 1):
            report(f"{weights}: leaving each photo out", stage - 1, len(features))
            head = fit_head(values, labels[photos], np.arange(len(photos)), n_classes)
            right = int((head.left_out.argmax(axis=1) == labels[photos]).sum())
            rows.append({"weights": weights, "stage": stage, "right": right, "n": len(photos)})
    source.keep(workspace, KIND, tables={KIND: pd.DataFrame(rows)})


@dataclass
class _Listener:
    """Tells the preparation of features as phases of the job."""

    report: Report
    name: str
    phase: str = ""

    def begin_phase(self, phase: Phase) -> None:
        words = "preparing the backbone" if phase == "backbone" else "fitting photos"
        self.phase = f"{self.name}: {words}"
        self.report(self.phase, 0, 0)

    def tell_progress(self, done: int, total: int, **_facts: float | None) -> None:
        self.report(self.phase, done, total)


def _look(
    workspace: Workspace,
    source: HeadSource,
    weights: WeightsKind,
    photos: np.ndarray,
    report: Report,
) -> list[np.ndarray]:
    """Return the features of each stage, (m, channels) float32."""
    listener = _Listener(report, weights)
    by = Preparation(workspace=workspace, device=find_device(), listener=listener)
    backbone = prepare_backbone(by, find_weights(workspace, weights), "resnet")
    packed = np.load(prepare_photos(by, source.dataset, FRAMING), mmap_mode="r")
    seen: list[list[np.ndarray]] = []
    batches = (
        packed[photos[start : start + STAGE_BATCH]] for start in range(0, len(photos), STAGE_BATCH)
    )
    for means in stream_stages(workspace, backbone, batches):
        report(f"{weights}: looking at photos", len(seen) * STAGE_BATCH, len(photos))
        seen.append(means)
    return [np.concatenate(stage) for stage in zip(*seen, strict=True)]


def name_trainings(workspace: Workspace) -> str:
    """Return the kind of the job that makes the trainings of the lessons as they are now."""
    recipes = [fingerprint(recipe) for recipe in _list_recipes(workspace)]
    return f"{TRAININGS}-{fingerprint({'recipes': recipes, 'seeds': SEEDS})}"


def read_trainings(
    workspace: Workspace, source: HeadSource, kind: str
) -> Mapping[tuple[str, int], list[LiveEpoch]] | None:
    """Return fingerprint of the recipe and seed → epochs; None while they are not made."""
    found = read_cached(workspace, source.identify(kind))
    if found is None:
        return None
    names = [one.name for one in fields(LiveEpoch)]
    return {
        key: [LiveEpoch(**epoch) for epoch in part[names].to_dict("records")]
        for key, part in found.read_table(TRAININGS).groupby(["recipe", "seed"])
    }


def prepare_trainings(workspace: Workspace, source: HeadSource, report: Report) -> None:
    """Train what the lessons show, unless it is done."""
    kind = name_trainings(workspace)
    if read_trainings(workspace, source, kind) is not None:
        return
    known, rows = _know(workspace, source), []
    recipes = _list_recipes(workspace)
    for place, recipe in enumerate(recipes):
        report("training heads", place, len(recipes))
        for seed in range(SEEDS):
            of = {"recipe": fingerprint(recipe), "seed": seed}
            rows += [of | vars(epoch) for epoch in learn(known, recipe, seed)]
    columns = ["recipe", "seed", *(one.name for one in fields(LiveEpoch))]
    source.keep(workspace, kind, tables={TRAININGS: pd.DataFrame(rows, columns=columns)})


def _list_recipes(workspace: Workspace) -> list[LiveRecipe]:
    """Return what the steps of all whole lessons train."""
    recipes: dict[LiveRecipe, None] = {}
    for folder in list_lessons(workspace).values():
        with suppress(LessonRefused):  # whoever opens it is told
            curves = [step for step in read_lesson(folder).steps if step.picture == "curves"]
            recipes |= dict.fromkeys(step.vary(value) for step in curves for value in step.values)
    return list(recipes)


def _know(workspace: Workspace, source: HeadSource) -> Known:
    """Return what a live head learns from, and what judges it."""
    standard, labels = prepare_head(workspace, source).standard, source.dataset.labels
    features = read_features(workspace, source.features_id)
    assert features is not None  # the head stands on them
    order = order_stratified(labels[source.train], np.random.default_rng(0))
    photos = np.sort(source.train[order[:MOST_LEARNT]])
    judged = source.dataset.photo_numbers("validation")
    train, validation = (
        ((features[part] - standard.mean) / standard.scale).astype(np.float32)
        for part in (photos, judged)
    )
    return Known(
        train=train,
        train_labels=labels[photos],
        validation=validation,
        validation_labels=labels[judged],
        n_classes=len(source.dataset.classes),
    )
