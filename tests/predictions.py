"""Rows for the prediction log, and feedback on them, without a model."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from core.monitoring.feedback import Feedback, give_feedback, list_feedback
from core.monitoring.log import log_predictions
from core.workspace import Workspace
from models.catalogue import FEATURE_WIDTH

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_prediction(number: int, content: bytes = b"", **changes: Any) -> dict[str, Any]:
    """Return a row for the log: an hour later than the one before, of a photo of its own."""
    rng = np.random.default_rng(number)
    scores = rng.dirichlet([1.0, 1.0, 1.0]).astype(np.float32)
    values = {
        "id": f"prediction-{number}",
        "time": NOON + timedelta(hours=number),
        "version": None,
        "run_id": "0123456789abcdef",
        "photo": sha256(content or str(number).encode()).hexdigest(),
        "features": rng.gamma(0.5, 1.0, FEATURE_WIDTH).astype(np.float32),
        "scores": scores,
        "top": "daisy",
        "top_score": float(scores.max()),
        "kind": "answer",
        "latency_ms": 8.5,
        "source": "page",
        "properties": {
            "brightness": 0.5,
            "contrast": 0.2,
            "sharpness": 2.5,
            "colourfulness": 40.0,
            "width": 640,
            "height": 480,
            "bytes": 30_000,
            "format": "JPEG",
        },
        "visitor": "",
    }
    return values | changes


def ask_and_tell(
    workspace: Workspace, number: int, photo: bytes, class_name: str, **changes: Any
) -> Feedback:
    """Return feedback with its photo on a prediction that is in the log now."""
    row = make_prediction(number, photo, **changes)
    log_predictions(workspace, [row])
    return give_feedback(workspace, row["id"], class_name=class_name, photo=photo)


def read_feedback(workspace: Workspace, numbers: Sequence[int]) -> list[Feedback]:
    """Return the feedback of these numbers, in their order; those that are gone are left out."""
    found = {one.number: one for one in list_feedback(workspace)}
    return [found[number] for number in numbers if number in found]
