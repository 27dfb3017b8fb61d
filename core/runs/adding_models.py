"""A model of another program becomes a backbone, a head and a run that computes all scores."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from core.config import Framing
from core.runs.jobs import Report
from core.runs.queue.queue import submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.recipe.strategies import ADDED
from core.runs.store import RunRecord
from core.runs.trying import PROBES, Choice, choose_photos, try_model
from core.workspace import Workspace, digest_file, make_folder_atomically, write_json
from data.dataset import Dataset
from data.manifest import read_dataset
from models.backbone import (
    FACTS_FILE,
    HEAD_FILE,
    NETWORK_FILE,
    BackboneFacts,
    Precision,
    backbone_exists,
    backbone_id,
    offered_precisions,
    read_backbone_facts,
)
from models.catalogue import ADDED as ADDED_WEIGHTS
from models.dense import write_head
from models.graph import Parts, cut, preprocess, run_network, to_scores
from models.opening import Opened
from models.weights import Weights

_PARITY = 1e-3
"""Largest difference to the framework's scores for which a faster precision is used."""


def add_model(
    workspace: Workspace, dataset: Dataset, opened: Opened, choice: Choice, name: str = ""
) -> tuple[RunRecord, bool, str]:
    """Return the queued run of the model on a dataset, whether it is new, and a sentence on the
    difference to the framework's own scores.
    """
    framing = Framing(how=choice.framing)
    weights = Weights(
        name=ADDED_WEIGHTS,
        file=None,
        digest=opened.digest,
        origin="added",
        official=False,
        title=opened.title,
    )
    backbone = backbone_id(weights, choice.preprocessing, framing)
    if not backbone_exists(workspace, backbone):
        _make_backbone(workspace, backbone, dataset, opened, choice)
    recipe = Recipe(
        dataset=dataset.id,
        weights=ADDED_WEIGHTS,
        weights_digest=opened.digest,
        preprocessing=choice.preprocessing,
        framing=choice.framing,
        strategy=ADDED,
        outputs=choice.outputs,
    )
    parity = read_backbone_facts(workspace, backbone).parity
    return *submit_run(workspace, recipe, name or opened.title), _say_parity(parity)


def _say_parity(parity: float | None) -> str:
    """Return a sentence on the largest difference to the framework's scores."""
    if parity is None:
        return "Its scores were not compared with those of its own program."
    most = f"{max(parity, 1e-6):.6f}".rstrip("0")
    return f"Its scores are those of its own program, within {most} (up to {PROBES} photos)."


def try_in_job(
    workspace: Workspace, parameters: Mapping[str, Any], report: Report
) -> Mapping[str, Any]:
    """Try a model in a background job; `opened` is an empty folder.

    Returns:
        The proposal, which `trying.read_proposal` reads.
    """
    dataset = read_dataset(workspace, parameters["dataset"])
    file, opened = (Path(parameters[name]) for name in ("file", "opened"))
    return asdict(try_model(file, opened, dataset, report)[1])


def _make_backbone(
    workspace: Workspace, identifier: str, dataset: Dataset, opened: Opened, choice: Choice
) -> None:
    """Write the network up to its features, and the head of all outputs."""
    graph = preprocess(opened.read_graph(), opened.entry, choice.preprocessing)
    parts = cut(graph, choice.ending)
    precision, parity = _choose_precision(
        parts, opened, choice, dataset.photos[choose_photos(dataset)[:PROBES]]
    )
    with make_folder_atomically(workspace.backbone_folder(identifier)) as folder:
        ov.save_model(parts.graph, folder / NETWORK_FILE, compress_to_fp16=False)
        write_head(parts.head, folder / HEAD_FILE)
        facts = BackboneFacts(
            id=identifier,
            weights_kind=ADDED_WEIGHTS,
            weights_label=opened.title,
            weights_digest=opened.digest,
            preprocessing=choice.preprocessing,
            precision=precision,
            cosine=1.0,
            files={file.name: digest_file(file) for file in sorted(folder.iterdir())},
            framing=Framing(how=choice.framing),
            width=len(parts.head.mean),
            has_map=parts.has_map,
            rows_are="features" if parts.has_features else "scores",
            parity=parity,
        )
        write_json(folder / FACTS_FILE, facts.describe())


def _choose_precision(
    parts: Parts, opened: Opened, choice: Choice, probes: np.ndarray
) -> tuple[Precision, float | None]:
    """Return the fastest precision with the framework's scores, and the largest difference.

    Without the framework's answers, those in f32 take their place and the difference is None.

    Args:
        probes: Photos (n, 224, 224, 3) uint8 that are compared.
    """
    raw = opened.ask_framework(probes, choice.preprocessing)

    def score(precision: Precision) -> np.ndarray:
        return parts.head.scores(run_network(parts.graph.clone(), probes, precision))

    wanted = score("f32") if raw is None else to_scores(raw, choice.ending)
    for precision in offered_precisions():
        difference = float(np.abs(score(precision) - wanted).max())
        if difference <= _PARITY or precision == "f32":
            break
    return precision, None if raw is None else difference
