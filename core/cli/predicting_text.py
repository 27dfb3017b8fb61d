"""What `predict` says of photos: in words, as a table where there are many, as a document."""

from collections import Counter
from typing import Any

from core.cli.outcome import error_document
from core.cli.tables import format_table
from core.errors import PhotoRefused
from core.formats import count
from core.prediction.answers import (
    AnsweredPhoto,
    phrase_answer,
    phrase_decision,
    phrase_reason,
    shorten_answer,
)
from core.prediction.deciding import Decision
from core.prediction.predictor import Prediction

_FEW = 10
"""Photos up to which each is spoken of in full."""


class Answers:
    """What became of the photos so far, in their order."""

    def __init__(self) -> None:
        self.rows: list[AnsweredPhoto] = []
        self.documents: list[dict[str, Any]] = []
        self._texts: list[str] = []

    @property
    def refused(self) -> int:
        """How many photos could not be read."""
        return sum(row.refusal is not None for row in self.rows)

    def refuse(self, name: str, refusal: PhotoRefused) -> None:
        """Takes a photo that is none, or too large."""
        self.rows.append(AnsweredPhoto(name=name, refusal=refusal))
        self.documents.append({"photo": name, "error": error_document(refusal)})
        self._texts.append(f"{name}\n{refusal.problem} {refusal.remedy}")

    def take(self, name: str, sha256: str, prediction: Prediction, log_id: str | None) -> None:
        """Takes an answer; `log_id` is None where it is not written down."""
        short = shorten_answer(prediction, prediction.decision)
        self.rows.append(AnsweredPhoto(name=name, sha256=sha256, answers=(short,)))
        self.documents.append(
            {
                "photo": name,
                "id": log_id,
                "answer": short.sentence,
                "decision": _document(prediction.decision),
                "top": [{"class": name, "score": score} for name, score in prediction.top],
                "width": prediction.facts.width,
                "height": prediction.facts.height,
                "seconds": prediction.seconds,
            }
        )
        self._texts.append(f"{name}\n{_describe(prediction)}")

    def describe(self) -> list[str]:
        """Returns what is said of the photos: of each in full, or of many in a table."""
        if len(self.rows) <= _FEW:
            return list(self._texts)
        table = [_make_row(row) for row in self.rows]
        return [format_table(("photo", "answer", "score"), table), self.summarise()]

    def summarise(self) -> str:
        """Returns how many photos got which answer, the most frequent first."""
        answers = [answer for row in self.rows for answer in row.answers]
        named = Counter(answer.class_name or "I don't know" for answer in answers)
        said = ", ".join(f"{name} {n:,}" for name, n in named.most_common())
        read = f"{count(len(answers), 'photo')} answered: {said}." if answers else ""
        refused = f"{count(self.refused, 'file')} could not be read." if self.refused else ""
        return " ".join(filter(None, (read, refused)))


def _make_row(row: AnsweredPhoto) -> list[str]:
    if row.refusal is not None:
        return [row.name, f"not read: {row.refusal.problem}", ""]
    (answer,) = row.answers
    best, score = answer.top[0]
    said = answer.class_name or f"I don't know ({answer.kind}; {best}?)"
    return [row.name, said, f"{100 * score:.1f} %"]


def _describe(prediction: Prediction) -> str:
    decision = prediction.decision
    top, heading = (decision.top, "calibrated") if decision else (prediction.top, "score")
    rows = [[f"{100 * score:.1f} %", name] for name, score in top]
    reason = f"{phrase_reason(decision)}\n" if decision and decision.kind != "answer" else ""
    said = phrase_decision(decision) if decision else phrase_answer(prediction.top)
    return f"{said}\n{reason}{format_table((heading, 'class'), rows)}"


def _document(decision: Decision | None) -> dict[str, Any] | None:
    """Returns what the rule of the model makes of the photo; None where it has no rule."""
    if decision is None:
        return None
    return {
        "kind": decision.kind,
        "class": decision.top[0][0],
        "calibrated_score": decision.top[0][1],
        "threshold": decision.threshold,
        "distance": decision.distance,
        "limit": decision.limit,
    }
