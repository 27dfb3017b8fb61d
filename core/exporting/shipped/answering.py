"""What the model says of a photo, in words: class names and the rule from model.json.

Needs NumPy only. `features` are wanted where the rule looks for photos unlike its training photos;
the OpenVINO model gives them beside the scores.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from deciding import (  # type: ignore[import-not-found]
    DecisionRule,
    UnlikeModel,
    decide,
    phrase_answer,
    phrase_decision,
    phrase_reason,
)

TOP = 5


@dataclass(frozen=True)
class Answer:
    """What is said of one photo."""

    kind: str
    """“answer”, “unsure” or “unlike”."""
    sentence: str
    reason: str
    """Why there is no answer, and what helps; "" where there is one."""
    top: list[tuple[str, float]]
    """The 5 best classes (or all) and their scores, calibrated where there is a rule."""


class Answerer:
    """The class names and the rule of a model; safe for several threads."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        self.classes: list[str] = facts["classes"]
        kept = facts["rule"]
        self.rule = kept and DecisionRule(**kept | {"made": datetime.fromisoformat(kept["made"])})
        self.unlike = None
        if facts["looks_for_unlike"]:
            with np.load(folder / "unlike.npz", allow_pickle=False) as arrays:
                self.unlike = UnlikeModel(**dict(arrays))

    def answer(self, scores: np.ndarray, features: np.ndarray | None = None) -> Answer:
        """Return what is said of a photo with these scores (k,) and features (2048,)."""
        if self.rule is None:
            best = np.argsort(-scores, kind="stable")[:TOP]
            top = [(self.classes[number], float(scores[number])) for number in best]
            return Answer("answer", phrase_answer(top), "", top)
        distance = None
        if self.unlike is not None and features is not None:
            distance = float(self.unlike.measure(features[None])[0])
        decision = decide(self.rule, scores, self.classes, distance)
        sentence, reason = phrase_decision(decision), phrase_reason(decision)
        return Answer(decision.kind, sentence, reason, decision.top)
