"""Collect the contents of a report, for the page and the command line."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from core.datasets.quality.slicing import SliceStudy, study_slices
from core.datasets.quality.store import QualityResult, read_quality
from core.errors import BackboneMissing, FeaturesMissing, RunUnfinished
from core.evaluation.agreement import estimate_agreement
from core.evaluation.baselines import Beside
from core.evaluation.calibration import Calibration, measure_calibration
from core.evaluation.confusion import count_confusions, most_confused_pairs
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import Evaluation, evaluate_scores
from core.evaluation.mistakes import rank_photos, read_answers
from core.prediction.deciding import DecisionRule
from core.prediction.explaining import open_explainer
from core.prediction.gradcam import draw_overlay
from core.prediction.nearest import compare_with_baselines
from core.prediction.rules import find_rule
from core.runs.result import RunResult, check_order, read_result
from core.runs.store import Opening, RunRecord, read_openings
from core.workspace import Workspace
from data.dataset import Dataset
from data.images import encode_thumbnail
from data.manifest import read_dataset
from models.backbone import BackboneFacts, read_backbone_facts

_PAIRS = 15
_FOLDERS = re.compile(r"(?<![\w:/])~?/(?:[^/,]+/)+")
"""The folders in front of a file name; URLs keep theirs."""
MOST = 24
_SIDE = 144


@dataclass(frozen=True, kw_only=True)
class WorstPhoto:
    """A misclassified photo with both classes and scores, and its pictures as WebP."""

    path: str
    true: str
    true_score: float
    predicted: str
    predicted_score: float
    picture: bytes
    overlays: tuple[bytes, ...]
    """By `RunReport.method`, of the predicted and of the true class; empty without the backbone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunReport:
    """The results of a run on the photos of one split."""

    run: RunRecord
    result: RunResult
    dataset: Dataset
    backbone: BackboneFacts | None
    """None if it is missing from the workspace."""
    split: str
    written: datetime
    evaluation: Evaluation
    estimates: Mapping[str, Estimate]
    baselines: Sequence[Beside]
    """Empty if the run has too few training photos."""
    matrix: np.ndarray
    """(k, k), rows true, columns predicted."""
    pairs: pd.DataFrame
    calibration: Calibration
    slices: SliceStudy
    quality: QualityResult | None
    """The newest findings of the page Quality, if any."""
    worst: Sequence[WorstPhoto]
    rule: DecisionRule | None
    """The answer rule of the run, if any."""
    openings: Sequence[Opening]
    """Views of the test photos."""

    @property
    def weights_label(self) -> str:
        """The name of the weights: “ImageNet”, “random”, or a file name."""
        return self.backbone.weights_label if self.backbone else self.run.recipe.weights

    @property
    def method(self) -> str:
        """How the places that count were found."""
        has_map = self.backbone is None or self.backbone.has_map
        return "Grad-CAM" if has_map else "occlusion"

    @property
    def source(self) -> str:
        """The source of the photos without local folders, because reports are shared."""
        return _FOLDERS.sub("", self.dataset.source)


def collect_report(
    workspace: Workspace, run: RunRecord, split: str, pictures: int = MOST
) -> RunReport:
    """Return the report of a finished run on a split; takes seconds, mostly for the pictures.

    For the test split, the caller records the view first.

    Raises:
        RunUnfinished: The run has no result, or no photos in that split.
        ResultDamaged: A file of the run was truncated or altered.
        DatasetMissing: Its dataset was deleted.
    """
    result = read_result(workspace, run.id)
    dataset = read_dataset(workspace, result.dataset_id)
    check_order(result, dataset)
    photos = result.photo_numbers(split)
    if not len(photos):
        raise RunUnfinished(
            f"{run.name} has no photos in its {split} split.", "Choose another split."
        )
    scores, labels = result.scores[photos], result.labels[photos]
    predictions, baselines = scores.argmax(axis=1), list[Beside]()
    if len(result.photo_numbers("train")) >= 2:
        baselines = compare_with_baselines(workspace, run, result, dataset, split)
    quality = read_quality(workspace, dataset.id)
    matrix = count_confusions(labels, predictions, len(result.classes))
    backbone = None
    with suppress(BackboneMissing):
        if run.recipe.has_model:
            backbone = read_backbone_facts(workspace, result.backbone_id)
    return RunReport(
        run=run,
        result=result,
        dataset=dataset,
        backbone=backbone,
        split=split,
        written=datetime.now(UTC),
        evaluation=evaluate_scores(scores, labels, result.classes),
        estimates=result.drop_unknown(estimate_agreement(scores, labels, result.classes)),
        baselines=baselines,
        matrix=matrix,
        pairs=most_confused_pairs(matrix, result.classes, top=_PAIRS),
        calibration=measure_calibration(scores, labels),
        slices=study_slices(dataset, result, split, quality),
        quality=quality,
        worst=picture_worst(workspace, run.id, dataset, result, photos, pictures),
        rule=find_rule(workspace, run.id, result),
        openings=read_openings(workspace, run.id),
    )


def picture_worst(
    workspace: Workspace,
    run_id: str,
    dataset: Dataset,
    result: RunResult,
    photos: np.ndarray,
    most: int = MOST,
) -> list[WorstPhoto]:
    """Return at most `most` misclassified photos, the highest loss first."""
    answers = read_answers(result.scores[photos], result.labels[photos])
    rows = rank_photos("highest-loss", answers, result.paths[photos])[:most]
    if not len(rows):
        return []
    explainer, pictured = None, []
    with suppress(BackboneMissing, FeaturesMissing):  # the report is complete without Grad-CAM
        explainer = open_explainer(workspace, run_id)
    for photo, predicted in zip(photos[rows].tolist(), answers.predictions[rows], strict=True):
        true, scores = int(result.labels[photo]), result.scores[photo]
        pixels = explainer.read_photo(photo) if explainer else np.asarray(dataset.photos[photo])
        spoke = explainer.explain(photo, (int(predicted), true)) if explainer else ()
        overlays = tuple(encode_thumbnail(draw_overlay(pixels, one), _SIDE) for one in spoke)
        pictured.append(
            WorstPhoto(
                path=str(result.paths[photo]),
                true=result.classes[true],
                true_score=float(scores[true]),
                predicted=result.classes[predicted],
                predicted_score=float(scores[predicted]),
                picture=encode_thumbnail(pixels, _SIDE),
                overlays=overlays,
            )
        )
    return pictured
