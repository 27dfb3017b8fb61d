"""Makes the OpenVINO backbone of weights, checks it on probe photos, and chooses its precision.

A process whose Keras has OpenVINO as its backend builds Keras' own ResNet-50.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from core.config import FRAMING, PHOTO_SIZE, Framing
from core.errors import WeightsDamaged
from core.workspace import PROJECT_ROOT, Workspace, digest_file, make_folder_atomically, write_json
from models.backbone import (
    FACTS_FILE,
    NETWORK_FILE,
    Backbone,
    BackboneFacts,
    Precision,
    Preprocessing,
    backbone_exists,
    backbone_id,
    compile_model,
    offered_precisions,
)
from models.weights import Weights

COSINE_LIMIT = 0.999
"""Minimum cosine between the features of a faster precision and f32."""


def draw_probe_photos(photos: int = 8) -> np.ndarray:
    """Return coloured clouds (n, 224, 224, 3) uint8 RGB: as in photos, coarse scales dominate."""
    rng = np.random.default_rng(0)
    clouds = np.zeros((photos, PHOTO_SIZE, PHOTO_SIZE, 3))
    for cells in (2, 4, 7, 14, 28, 56):
        patches = rng.normal(size=(photos, cells, cells, 3)) / cells
        cell = PHOTO_SIZE // cells
        clouds += patches.repeat(cell, axis=1).repeat(cell, axis=2)
    low, high = clouds.min(axis=(1, 2), keepdims=True), clouds.max(axis=(1, 2), keepdims=True)
    scaled: np.ndarray = ((clouds - low) / (high - low) * 255).astype(np.uint8)
    return scaled


def compare_features(features: np.ndarray, exact: np.ndarray) -> float:
    """Return the minimum cosine between the rows of both (n, 2048); NaN if a row is not finite."""
    a, b = features.astype(np.float64), exact.astype(np.float64)
    with np.errstate(all="ignore"):
        cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return float(cosines.min())


def make_backbone(
    workspace: Workspace, weights: Weights, preprocessing: Preprocessing, framing: Framing = FRAMING
) -> str:
    """Return the id of the backbone in the workspace; it is made if it is missing (4 s)."""
    identifier = backbone_id(weights, preprocessing, framing)
    if backbone_exists(workspace, identifier):
        return identifier
    target = workspace.backbone_folder(identifier)
    shutil.rmtree(target, ignore_errors=True)  # it is damaged
    with make_folder_atomically(target) as folder:
        _write_network(folder / NETWORK_FILE, weights, preprocessing)
        files = {file.name: digest_file(file) for file in sorted(folder.iterdir())}
        facts = dataclasses.replace(state_facts(weights, preprocessing, framing), files=files)
        facts = _choose_precision(folder / NETWORK_FILE, facts)
        features = _look_at_probe(folder / NETWORK_FILE, facts, facts.precision)
        if not np.isfinite(features).all() or np.ptp(features, axis=0).max() <= 1e-6:
            raise WeightsDamaged(
                f"With the weights “{weights.label}” all photos have the same features, or "
                "features are not finite.",
                "Their file is damaged or of another network: delete it and download it again.",
                file=str(weights.file),
            )
        write_json(folder / FACTS_FILE, facts.describe())
    return identifier


def _write_network(file: Path, weights: Weights, preprocessing: Preprocessing) -> None:
    """Write the network, built by Keras in a process of its own, whose backend is OpenVINO."""
    command = [sys.executable, "-m", "models.keras_backbone", str(file.resolve()), preprocessing]
    command += [str(weights.file.resolve())] if weights.file else []
    backend = os.environ | {"KERAS_BACKEND": "openvino"}
    made = subprocess.run(
        command, cwd=PROJECT_ROOT, env=backend, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise RuntimeError(f"the network was not built: {made.stderr[-400:]}")


def state_facts(weights: Weights, preprocessing: Preprocessing, framing: Framing) -> BackboneFacts:
    """Return the facts of a backbone in f32 without files."""
    return BackboneFacts(
        id=backbone_id(weights, preprocessing, framing),
        framing=framing,
        weights_kind=weights.name,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing=preprocessing,
        precision="f32",
        cosine=1.0,
        files={},
    )


def _choose_precision(network: Path, facts: BackboneFacts) -> BackboneFacts:
    """Return the facts with the fastest accurate precision of this CPU."""
    fastest = offered_precisions()[0]
    if fastest == "f32":
        return facts
    fast, exact = (_look_at_probe(network, facts, kind) for kind in (fastest, "f32"))
    cosine = compare_features(fast, exact)
    if not cosine >= COSINE_LIMIT:
        return facts
    return dataclasses.replace(facts, precision=fastest, cosine=cosine)


def _look_at_probe(network: Path, facts: BackboneFacts, precision: Precision) -> np.ndarray:
    """Return the features of the probe photos in a precision."""
    compiled = compile_model(network, precision, "throughput")
    return Backbone(facts, compiled).look(draw_probe_photos()).features
