"""The prediction log: what was asked, what was answered, by which model, and how long it took.

A row holds the digest of a photo, never the photo; features are kept as float16 and scores as
float32, so that drift can be told later. Rows are written once and deleted by request.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from core.config import FEATURE_SIZE
from core.errors import PredictionMissing
from core.monitoring.kept_photos import sweep_when_due
from core.monitoring.log_deleting import count_predictions, delete_predictions, split_ids
from core.monitoring.log_reading import COLUMNS, PROPERTIES, read_predictions, write_csv
from core.prediction.deciding import Kind
from core.prediction.predictor import Prediction
from core.runs.database import read_database, write_database
from core.runs.tables import predictions_table
from core.workspace import Workspace
from data.measures import measure_photo

__all__ = [
    "PROPERTIES",
    "NewPrediction",
    "count_predictions",
    "delete_predictions",
    "describe_prediction",
    "log_predictions",
    "read_features",
    "read_predictions",
    "read_scores",
    "write_csv",
]

_MEASURED = ("brightness", "contrast", "sharpness", "colourfulness")
_FACTS = ("width", "height", "bytes", "format")


@dataclass(frozen=True, kw_only=True, eq=False)
class NewPrediction:
    """An answer, as it goes into the log."""

    id: str
    time: datetime
    version: int | None
    """Number of the registered version; None for a run that was asked itself."""
    run_id: str
    photo: str
    """SHA-256 of the photo's bytes."""
    features: np.ndarray
    """(2048,) float."""
    scores: np.ndarray
    """(k,) float, as the model gives them."""
    top: str
    top_score: float
    """As it was shown: calibrated where the model has a rule."""
    kind: Kind
    latency_ms: float
    source: str
    """page, api or cli."""
    properties: dict[str, Any]
    """See PROPERTIES."""
    visitor: str


def describe_prediction(
    prediction: Prediction,
    content: bytes,
    *,
    version: int | None,
    source: str,
    latency_ms: float,
    visitor: str = "",
    id: str | None = None,
) -> NewPrediction:
    """Returns what the log keeps of an answer.

    Args:
        prediction: The answer.
        content: The photo's bytes; only their digest goes into the log.
        version: Number of the registered version that answered, or None.
        source: page, api or cli.
        latency_ms: From the arrival of the photo to the answer; of one among many that a person
            gave at once, what it took by itself.
        visitor: Whose request it was, so that they can have it deleted.
        id: By which feedback refers to it; drawn when None.
    """
    decision, facts = prediction.decision, prediction.facts
    top, top_score = (decision.top if decision else prediction.top)[0]
    measures = measure_photo(prediction.photo)
    return NewPrediction(
        id=id or uuid.uuid4().hex,
        time=datetime.now(UTC),
        version=version,
        run_id=prediction.run_id,
        photo=sha256(content).hexdigest(),
        features=prediction.features,
        scores=prediction.scores,
        top=top,
        top_score=float(top_score),
        kind=decision.kind if decision else "answer",
        latency_ms=latency_ms,
        source=source,
        properties={name: round(measures[name], 5) for name in _MEASURED}
        | {name: getattr(facts, name) for name in _FACTS},
        visitor=visitor,
    )


def log_predictions(workspace: Workspace, rows: Sequence[NewPrediction]) -> None:
    """Returns nothing; all rows are in the log, or, after an error of the database, none.

    Kept photos that must go by now are removed on the way.
    """
    if not rows:
        return
    with write_database(workspace) as connection:
        connection.execute(insert(predictions_table), [_write_row(row) for row in rows])
    sweep_when_due(workspace)


def read_features(workspace: Workspace, ids: Sequence[str]) -> np.ndarray:
    """Returns the features of these predictions, (n, 2048) float16, in their order.

    Raises:
        PredictionMissing: One is not in the log (any more).
    """
    rows = _read_arrays(workspace, ids, "features", np.dtype("<f2"))
    return np.stack(rows) if rows else np.empty((0, FEATURE_SIZE), np.float16)


def read_scores(workspace: Workspace, ids: Sequence[str]) -> list[np.ndarray]:
    """Returns the scores of these predictions in their order, each (k,) float32 of its model.

    Raises:
        PredictionMissing: One is not in the log (any more).
    """
    return _read_arrays(workspace, ids, "scores", np.dtype("<f4"))


def _write_row(row: NewPrediction) -> dict[str, object]:
    values = {name: getattr(row, name) for name in COLUMNS if name != "run_id"}
    return values | {
        "run": row.run_id,
        "properties": json.dumps(row.properties),
        "features": np.asarray(row.features, dtype="<f2").tobytes(),
        "scores": np.asarray(row.scores, dtype="<f4").tobytes(),
    }


def _read_arrays(
    workspace: Workspace, ids: Sequence[str], column: str, dtype: np.dtype[Any]
) -> list[np.ndarray]:
    found: dict[str, bytes] = {}
    with read_database(workspace) as connection:
        for some in split_ids(list(dict.fromkeys(ids))):
            query = select(predictions_table.c.id, predictions_table.c[column]).where(
                predictions_table.c.id.in_(some or ())
            )
            found |= {row[0]: row[1] for row in connection.execute(query)}
    missing = [name for name in ids if name not in found]
    if missing:
        raise PredictionMissing(
            f"{len(missing)} of {len(ids)} predictions are not in the log any more.",
            "They were deleted meanwhile: look again.",
            ids=missing[:10],
        )
    return [np.frombuffer(found[name], dtype) for name in ids]
