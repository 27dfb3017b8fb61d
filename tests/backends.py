"""Trains a head, the last stage and all stages with the Keras backend of KERAS_BACKEND.

`python -m tests.backends FOLDER`, in a process of its own, prints the curves as a line of JSON. It
needs no dataset and no weights file, and runs where Keras and a backend are.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.config import PHOTO_SIZE
from core.workspace import open_workspace
from models import prefer_convolutions
from models.backbone import open_backbone
from models.devices import find_device
from models.making import compare_features, draw_probe_photos, make_backbone
from models.weights import find_weights

CLASSES = 3
PHOTOS = 20  # three batches of 8, the last of them smaller
EPOCHS = 3


def main() -> int:
    """Return the exit status."""
    prefer_convolutions()
    import keras

    folder = Path(sys.argv[1])
    curves = {
        "backend": keras.backend.backend(),
        "head": fit_a_head(folder / "head", EPOCHS),
        "head_again": fit_a_head(folder / "again", 2) and fit_a_head(folder / "again", EPOCHS),
        "last_stage": fit_stages(folder / "stage", 2, unfrozen=1),
        "full": fit_stages(folder / "full", 2, unfrozen=5),
    }
    curves |= {"device": asdict(find_device()), "cosine": compare_with_openvino()}
    print(json.dumps(curves))
    return 0


def compare_with_openvino() -> float:
    """Return the least cosine between the features by Keras and those by OpenVINO."""
    from models.keras_backbone import open_keras_backbone

    workspace = open_workspace()
    weights, photos = find_weights(workspace, "random"), draw_probe_photos()
    made = make_backbone(workspace, weights, "resnet")
    expected = open_backbone(workspace, made, purpose="throughput").look(photos).features
    ours = open_keras_backbone(weights, "resnet", batch_size=len(photos))
    (seen,) = ours.stream([photos])
    return compare_features(seen, expected)


def fit_a_head(folder: Path, epochs: int) -> list[dict[str, Any]]:
    """Return the curve of a head with a hidden layer and dropout, on two views."""
    from models.fitting import HeadFit, fit_head
    from models.plan import FitPlan, HeadShape

    labels = np.arange(PHOTOS) % CLASSES
    views = [_draw(seed, (2048,), np.float32) for seed in (0, 1)]
    job = HeadFit(
        train=(views, labels),
        validation=([views[0]], labels),
        shape=HeadShape(n_classes=CLASSES, hidden=(16,)),
        plan=FitPlan(batch_size=8, epochs=epochs, learning_rate=3e-3),
        standardise=True,
    )
    fit = fit_head(job, folder)
    return [asdict(epoch) for epoch in fit.history]


def fit_stages(folder: Path, epochs: int, *, unfrozen: int) -> list[dict[str, Any]]:
    """Return the curve of the last stages of ResNet-50, with random weights, and a head."""
    from models.plan import FitPlan, FitRecord, FitWatch, HeadShape, KeptViews
    from models.rows import CONV4
    from models.stages import StagesFit, Tuning

    if unfrozen == 1:
        kept = _draw(0, CONV4.shape, np.float16)
    else:  # photos of one batch
        kept = (60 * _draw(0, (PHOTO_SIZE, PHOTO_SIZE, 3), np.float32)[:8]).astype(np.uint8)
    photos = KeptViews([kept], np.arange(len(kept)) % CLASSES)
    tuning = Tuning(
        weights=find_weights(open_workspace(), "random"),
        preprocessing="resnet",
        unfrozen=unfrozen,
        whole=unfrozen > 1,
        half="",
        shape=HeadShape(n_classes=CLASSES, dropout=0.2 if unfrozen == 1 else 0.0),
        plan=FitPlan(batch_size=8, epochs=epochs, learning_rate=1e-4 if unfrozen == 1 else 1e-6),
    )
    stages = StagesFit(tuning)
    start = time.perf_counter()
    fit = stages.run(photos, photos, FitRecord(folder=folder), FitWatch())
    stages.write_weights(folder / "weights.h5")
    print(f"{unfrozen} stages: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return [asdict(epoch) for epoch in fit.history]


def _draw(seed: int, shape: tuple[int, ...], kind: type) -> np.ndarray:
    """Return an array (PHOTOS, *shape) of three classes that can be told apart."""
    rng = np.random.default_rng(seed)
    means = np.random.default_rng(9).normal(0, 0.3, (CLASSES, shape[-1]))
    noise = rng.random((PHOTOS, *shape))
    rows = np.arange(PHOTOS) % CLASSES
    places = (1,) * (len(shape) - 1)
    drawn = np.maximum(noise + means[rows].reshape(PHOTOS, *places, shape[-1]), 0)
    return drawn.astype(kind)


if __name__ == "__main__":
    sys.exit(main())
