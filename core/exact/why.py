"""Why the exact head beside a run answers a photo of its dataset so: in words and for programs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.formats import count
from core.instant.head import ExactHead
from core.instant.why import MOST_LEFT_OUT, Reasons, find_reasons
from core.runs.result import RunResult
from data.dataset import Dataset

SHOWN = 8
"""Training photos each way."""
METHOD = (
    "The lead is the difference of two outputs of the exact head; an output is about 1 for a class "
    "it is sure of and about 0 for the others. Below each photo stands by how much the lead would "
    "change had the head not learned from it: exactly, as if it were fitted anew. "
    f"The set is found step by step: what moves the lead most goes first, up to {MOST_LEFT_OUT} "
    "photos. None of its photos can be spared; a smaller set may exist. The fewer it takes, the "
    "less firm the answer."
)
ONE_CLASS = (
    "Only one class has training photos: there is nothing else to answer. Add photos of a second "
    "class, then train a run on the new version."
)
_Name = Callable[[str], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Why:
    """What decides the exact head's answer to a photo, beside a run's own answer."""

    dataset: Dataset
    photo: int
    reasons: Reasons
    run_answer: int
    """The class that the run itself gives it."""
    trained: bool
    """Whether the run learned from it."""

    @property
    def differs(self) -> bool:
        """Whether the run answers otherwise."""
        return self.run_answer != self.reasons.answer

    @property
    def sides(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Class → the photos that pull most to it, with what the rival's lead gains without
        them: the rival first, then the true class."""
        reasons = self.reasons
        return {
            reasons.rival: reasons.find_strongest(True, SHOWN),
            reasons.true: reasons.find_strongest(False, SHOWN),
        }

    def say_answer(self, name: _Name = str) -> str:
        """Return what is answered, and by how much it leads."""
        reasons, classes = self.reasons, self.dataset.classes
        true, rival = name(classes[reasons.true]), name(classes[reasons.rival])
        lead = f"{abs(reasons.lead):.3f}"
        if reasons.right:
            return f"The exact head answers {true}, right. It leads {rival}, the next, by {lead}."
        if not reasons.taught:
            return f"The exact head answers {rival}, wrong."
        return f"The exact head answers {rival}, wrong. It leads {true}, the true class, by {lead}."

    def say_set(self, name: _Name = str) -> str:
        """Return how few training photos the answer hangs on."""
        reasons = self.reasons
        turned = "wrong" if reasons.right else "right"
        if not reasons.taught:
            other = "other " if self.trained else ""
            true = name(self.dataset.classes[reasons.true])
            return f"No {other}training photo shows {true}: leaving photos out cannot mend it."
        if reasons.flip is None:
            return (
                f"No {MOST_LEFT_OUT} or fewer training photos were found without which it would "
                f"be {turned}: a firm answer."
            )
        photos = f"{len(reasons.flip):,} of the {count(len(reasons.train), 'training photo')}"
        return f"Without {photos} it would be {turned}."

    def say_limits(self, run: str, name: _Name = str) -> list[str]:
        """Return what to know of the head that speaks, in sentences."""
        said, classes = [], self.dataset.classes
        if self.trained:
            said.append("A training photo: asked is the head that has not learned from it.")
        if self.differs:
            own, exact = name(classes[self.run_answer]), name(classes[self.reasons.answer])
            said.append(
                f"{run} answers {own} here, the exact head {exact}: this explains the exact head."
            )
        return said

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        reasons, classes = self.reasons, self.dataset.classes
        paths, own = self.dataset.manifest["path"].to_numpy(), self.dataset.labels

        def list_photos(photos: np.ndarray, effects: np.ndarray) -> list[dict[str, Any]]:
            return [
                {"photo": paths[photo], "class": classes[own[photo]], "effect": float(effect)}
                for photo, effect in zip(photos, effects, strict=True)
            ]

        pulls = [list_photos(*found) for found in self.sides.values()]
        return {
            "photo": paths[self.photo],
            "left_out": self.trained,
            "true": classes[reasons.true],
            "answer": classes[reasons.answer],
            "right": reasons.right,
            "run_answer": classes[self.run_answer],
            "rival": classes[reasons.rival],
            "lead_of_rival": reasons.lead,
            "training_photos": len(reasons.train),
            "towards_rival": pulls[0],
            "towards_true": pulls[1],
            "set": None if reasons.flip is None else paths[reasons.flip].tolist(),
        }


def ask_why(head: ExactHead, dataset: Dataset, result: RunResult, photo: int) -> Why | None:
    """Return why a photo is answered so; None where there is no second class to answer."""
    reasons = find_reasons(head, photo)
    if reasons is None:
        return None
    return Why(
        dataset=dataset,
        photo=photo,
        reasons=reasons,
        run_answer=int(result.scores[photo].argmax()),
        trained=bool((head.train == photo).any()),
    )
