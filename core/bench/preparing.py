"""The dataset, the weights and the backbone that a measurement is about, made ready beforehand."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.bench.measuring import OnStep, call_in_child
from core.workspace import Workspace
from data.manifest import Dataset, read_dataset
from models.backbone import (
    NETWORK_FILE,
    Backbone,
    BackboneFacts,
    Preprocessing,
    backbone_exists,
    backbone_id,
    open_backbone,
)
from models.weights import Weights, WeightsKind, find_weights


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured."""

    dataset: Dataset
    weights: Weights
    backbone: Backbone

    @property
    def circumstances(self) -> dict[str, Any]:
        """What a report says about it."""
        return {"dataset": self.dataset.id, **describe_backbone(self.backbone.facts)}


def describe_backbone(facts: BackboneFacts) -> dict[str, Any]:
    """Returns what a report says about a backbone."""
    return {
        "weights": facts.weights_label,
        "backbone": facts.id,
        "precision": f"{facts.precision} (cosine with f32 at least {facts.cosine:.5f})",
    }


def find_network(workspace: Workspace, backbone: str) -> Path:
    """Returns the OpenVINO file of a backbone."""
    return workspace.backbone_folder(backbone) / NETWORK_FILE


def prepare_subject(
    workspace: Workspace,
    dataset_id: str,
    weights_kind: WeightsKind,
    preprocessing: Preprocessing,
    on_step: OnStep,
) -> Subject:
    """Returns the dataset, and the backbone opened for throughput.

    A missing backbone is made in a process of its own: this one stays free of Keras.

    Raises:
        DatasetMissing: There is no such dataset.
        WeightsMissing: There are no pretrained weights.
    """
    dataset = read_dataset(workspace, dataset_id)
    weights = find_weights(workspace, weights_kind)
    if not backbone_exists(workspace, backbone_id(weights, preprocessing)):
        on_step("Preparing the backbone")
        call_in_child("models.conversion", "make_backbone", workspace, weights, preprocessing)
    backbone = open_backbone(workspace, backbone_id(weights, preprocessing), purpose="throughput")
    return Subject(dataset=dataset, weights=weights, backbone=backbone)
