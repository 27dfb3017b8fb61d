"""The command line's entries in the prediction log; answers are worth more than their entries."""

from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from core.formats import count
from core.monitoring.kept_photos import Photo, keep_photo
from core.monitoring.log import describe_prediction, log_predictions
from core.monitoring.tables import NewPrediction
from core.prediction.predictor import Prediction
from core.workspace import Workspace

_AT_ONCE = 100


class Answer(NamedTuple):
    """What a model said of a photo, and what the log wants to know."""

    prediction: Prediction
    photo: Photo


class AnswerLog:
    """Collects answers and writes a hundred at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._rows: list[NewPrediction] = []
        self._lost = 0

    def take(self, answer: Answer) -> str:
        """Returns the id under which the answer will stand in the log."""
        row = describe_prediction(
            answer.prediction,
            answer.photo,
            source="cli",
            latency_ms=answer.prediction.spent_ms,
        )
        keep_photo(self._workspace, answer.photo)
        self._rows.append(row)
        if len(self._rows) >= _AT_ONCE:
            self._write()
        return row.id

    def close(self) -> list[str]:
        """Writes the rest; returns what is to be said: how many could not be written."""
        self._write()
        lost = f"{count(self._lost, 'answer')} could not be written into the prediction log."
        return [lost] if self._lost else []

    def _write(self) -> None:
        try:
            log_predictions(self._workspace, self._rows)
        except SQLAlchemyError:
            self._lost += len(self._rows)
        self._rows = []
