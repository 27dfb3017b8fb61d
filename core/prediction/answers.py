"""Answers in plain words, never surer than the scores; as a document, a table and CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.errors import PhotoRefused
from core.evaluation.calibration import temper_scores
from core.formats import guard_cells
from core.prediction.deciding import TOP, Decision, rank_classes

if TYPE_CHECKING:
    from core.prediction.predictor import Prediction, Predictor

_CLEAR = 0.8
_LIKELY = 0.5
_WORTH_SAYING = 0.05


def phrase_decision(decision: Decision) -> str:
    """Return the answer in one or two sentences, or “I don't know”."""
    (name, score), *rest = decision.top
    best, others = _name(name, score), [_name(*one) for one in rest if one[1] >= _WORTH_SAYING]
    if decision.kind == "unlike":
        return "I don't know this: it is unlike all the photos I was trained on."
    looks = f"It looks most like {_join([best, *others[:2]])}."
    if decision.kind == "unsure":
        return f"I don't know. {looks}"
    if score >= _CLEAR:
        return f"Most likely {best}{f'; possibly {others[0]}' if others else ''}."
    if score < _LIKELY and decision.threshold is None:
        return f"I am not sure. {looks}"
    beside = f", but it may be {_join(others[:2])}" if others else ""
    return f"{'Probably' if score >= _LIKELY else 'Perhaps'} {best}{beside}."


def phrase_reason(decision: Decision) -> str:
    """Return why there is no answer, and what helps; "" where there is one."""
    if decision.kind == "unlike":
        return f"Closest known class: {_name(*decision.top[0])}, not reliable."
    if decision.kind == "unsure":
        least = _percent(decision.threshold or 0.0)
        return (
            f"The model answers only at a score of at least {least}. Try a closer, brighter photo "
            "of one thing, or ask an expert."
        )
    return ""


def describe_answer(
    predictor: "Predictor", prediction: "Prediction", sha256: str, most: int = TOP
) -> dict[str, Any]:
    """Return the answer for one photo as the API and `predict --json` write it.

    The fields are those of `core.serving.schemas.Answer`, but for the ids. Scores are calibrated
    where the model has a rule; version, digest and dataset are None for a run without a version.
    """
    rule, decision, version = predictor.rule, prediction.decision, predictor.version
    scores = prediction.scores
    if rule is not None:
        scores = temper_scores(scores[None], rule.temperature)[0]
    ms = {stage: 1000 * seconds for stage, seconds in prediction.seconds.items()}
    return {
        "kind": decision.kind,
        "unknown": decision.kind != "answer",
        "text": phrase_decision(decision),
        "top": [
            {"class_name": name, "score": score}
            for name, score in rank_classes(scores, predictor.classes, most)
        ],
        "threshold": decision.threshold,
        "model": {
            "version": version.label if version else None,
            "digest": version.digest if version else None,
            "run_id": predictor.run_id,
            "dataset_id": version.dataset_id if version else None,
        },
        "photo": {"sha256": sha256, **vars(prediction.facts)},
        "latency": {
            "total_ms": round(sum(ms.values()), 2),
            "decoding_ms": round(ms["decoding"], 2),
            "waiting_ms": round(ms.get("waiting", 0.0), 2),
            "model_ms": round(sum(ms.get(part, 0.0) for part in ("model", "backbone", "head")), 2),
        },
    }


def _name(class_name: str, score: float) -> str:
    return f"{_add_article(class_name)} ({_percent(score)})"


def _percent(score: float) -> str:
    if score >= 0.995:
        return "more than 99 %"
    return "less than 1 %" if score < 0.005 else f"{100 * score:.0f} %"


def _add_article(name: str) -> str:
    """Return the name with "a" or "an" where it reads as one lower-case English thing."""
    words = name.replace("-", " ").replace("_", " ").split()
    plural = name.endswith("s") and not name.endswith(("ss", "us", "is"))
    if plural or not words or not all(word.isalpha() or "'" in word for word in words):
        return name
    if not name[0].islower():
        return name
    return f"an {name}" if name[0] in "aeio" and not name.startswith("eu") else f"a {name}"


def _join(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} or {names[-1]}"


@dataclass(frozen=True, kw_only=True)
class AnsweredPhoto:
    """One photo with the answer of each model, or the problem with it."""

    name: str
    sha256: str = ""
    answers: tuple[Decision, ...] = ()
    refusal: PhotoRefused | None = None

    @property
    def agrees(self) -> bool:
        """Whether all models give the same answer."""
        return len({(answer.kind, answer.class_name) for answer in self.answers}) < 2


def tabulate_answers(photos: Sequence[AnsweredPhoto], models: Sequence[str]) -> pd.DataFrame:
    """Return one row for each photo, in the order given.

    photo, sha256, problem; for each model answer (a class, or empty), kind, class_1, score_1 to
    class_5, score_5; with several models these begin with the model's name, and `agree` says
    whether their answers are equal.
    """
    marks = [f"{name} " for name in models] if len(models) > 1 else [""]
    rows = [_describe(photo, marks) for photo in photos]
    columns = ["photo", "sha256", "problem", *(["agree"] if len(models) > 1 else [])]
    for mark in marks:
        columns += [f"{mark}answer", f"{mark}kind"]
        places = range(1, TOP + 1)
        columns += [f"{mark}{what}_{place}" for place in places for what in ("class", "score")]
    return pd.DataFrame(rows, columns=columns)


def write_answers(photos: Sequence[AnsweredPhoto], models: Sequence[str]) -> bytes:
    """Return the table as CSV (UTF-8 with a byte order mark, for spreadsheets)."""
    table = guard_cells(tabulate_answers(photos, models))
    return str(table.to_csv(index=False, float_format="%.4f")).encode("utf-8-sig")


def _describe(photo: AnsweredPhoto, marks: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"photo": photo.name, "sha256": photo.sha256}
    if photo.refusal is not None:
        return row | {"problem": photo.refusal.problem}
    if len(marks) > 1:
        row["agree"] = "yes" if photo.agrees else "no"
    for mark, answer in zip(marks, photo.answers, strict=True):
        row |= {f"{mark}answer": answer.class_name, f"{mark}kind": answer.kind}
        for place, (name, score) in enumerate(answer.top, start=1):
            row |= {f"{mark}class_{place}": name, f"{mark}score_{place}": score}
    return row
