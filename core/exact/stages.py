"""Why transfer works, stage by stage: heads on conv1 to conv5 of trained and of random weights.

A sample of training photos goes through both networks; on the means of each stage's last map stands
an exact head, which answers each photo left out. Validation and test photos are not used.
"""

import numpy as np
import pandas as pd

from core.config import FRAMING
from core.datasets.quality.results import read_facts, read_table, write_result
from core.exact.backbones import JobListener
from core.exact.forecasting import identify_forecast
from core.exact.store import HeadSource
from core.instant.leaving import answer_left_out
from core.instant.subsets import order_stratified
from core.runs.jobs import Tell
from core.runs.training.preparing import Preparation, prepare_backbone, prepare_photos
from core.workspace import Workspace
from models.devices import find_device
from models.stage_means import BATCH, stream_stages
from models.weights import WeightsKind, find_weights

KIND = "stages"
MOST, LEAST_A_CLASS = 500, 5
"""Photos that are asked: so many, or more where there are many classes."""


def read_stages(workspace: Workspace, source: HeadSource) -> pd.DataFrame | None:
    """Return weights, stage (1 to 5), right and n (photos); None while it is not measured."""
    facts = read_facts(workspace, identify_forecast(source, KIND))
    return None if facts is None else read_table(facts, KIND)


def prepare_stages(workspace: Workspace, source: HeadSource, tell: Tell) -> None:
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
        features = _look(workspace, source, weights, photos, tell)
        for stage, values in enumerate(features, 1):
            tell(f"{weights}: leaving each photo out", stage - 1, len(features))
            answers = answer_left_out(values, labels[photos], np.arange(len(photos)), n_classes)
            right = int((answers == labels[photos]).sum())
            rows.append({"weights": weights, "stage": stage, "right": right, "n": len(photos)})
    facts = source.describe(identify_forecast(source, KIND), KIND)
    write_result(workspace, facts, tables={KIND: pd.DataFrame(rows)})


def _look(
    workspace: Workspace, source: HeadSource, weights: WeightsKind, photos: np.ndarray, tell: Tell
) -> list[np.ndarray]:
    """Return the features of each stage, (m, channels) float32."""
    listener = JobListener(tell, weights)
    by = Preparation(workspace=workspace, device=find_device(), listener=listener)
    backbone = prepare_backbone(by, find_weights(workspace, weights), "resnet")
    packed = np.load(prepare_photos(by, source.dataset, FRAMING), mmap_mode="r")
    seen: list[list[np.ndarray]] = []
    batches = (packed[photos[start : start + BATCH]] for start in range(0, len(photos), BATCH))
    for means in stream_stages(workspace, backbone, batches):
        tell(f"{weights}: looking at photos", len(seen) * BATCH, len(photos))
        seen.append(means)
    return [np.concatenate(stage) for stage in zip(*seen, strict=True)]
