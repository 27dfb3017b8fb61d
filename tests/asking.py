"""Answers in the log as a version gives them to photos like its reference, or to darker ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from core.monitoring.log import log_predictions
from core.registry.files import MEASURED, read_reference
from core.registry.store import ModelVersion
from core.workspace import Workspace
from tests.predictions import make_prediction


def ask(
    workspace: Workspace,
    version: ModelVersion,
    count: int,
    *,
    first: int = 0,
    darker: float = 1.0,
    until: datetime | None = None,
    **changes: Any,
) -> list[dict[str, Any]]:
    """Return the rows that are in the log now, a minute apart, the last one just before `until`.

    Args:
        workspace: Holds the version.
        version: That answers.
        count: How many photos.
        first: Number of the first: others of the same number are the same photo.
        darker: What brightness and contrast are multiplied by.
        until: This moment when None.
        changes: To every row.
    """
    reference = read_reference(workspace, version)
    end = until or datetime.now(UTC)
    rows = []
    for place in range(count):
        number = first + place
        rng = np.random.default_rng(number)
        row = number % len(reference["labels"])
        features, scores = reference["features"][row], reference["scores"][row]
        features = features * rng.uniform(0.97, 1.03, len(features))
        measures = dict(zip(MEASURED, reference["properties"][row].tolist(), strict=False))
        measures = {name: value * rng.uniform(0.98, 1.02) for name, value in measures.items()}
        for name in ("brightness", "contrast"):
            measures[name] *= darker
        made = make_prediction(number, version=version.number, run_id=version.run_id)
        rows.append(
            made
            | {
                "time": end - timedelta(minutes=count - place),
                "features": features,
                "scores": scores,
                "top": version.classes[int(scores.argmax())],
                "top_score": float(scores.max()),
                "properties": made["properties"] | measures,
                **changes,
            }
        )
    log_predictions(workspace, rows)
    return rows
