"""The training photos that decide the answer of the exact head to a photo.

The lead of a class over another is the difference of their outputs. The effect of leaving training
photos out equals a refit (Woodbury, as in `change`). A training photo is answered by the head
fitted without it.

Source: representer points, arXiv 1811.09720; the smallest set that flips an answer, arXiv
2302.02169.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy

from core.errors import FeaturesMissing
from core.exact.head import LEAST_FREE, ExactHead, one_hot
from core.formats import count
from core.runs.result import RunResult
from data.dataset import Dataset

MOST_LEFT_OUT = 50
"""Photos of a set that flips the answer, at most."""
SHOWN = 8
"""Training photos for each side."""
_POOL = 200
"""Training photos that are tried for the set: the ones with the largest effects."""
METHOD = (
    "The lead is the difference of two outputs of the exact head, which are about 1 for the class "
    "of a photo and about 0 for the others. The set is built photo by photo: the fewer it takes to "
    "change the answer, the less firm the answer is."
)
_Name = Callable[[str], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """The training photos behind the answer to one photo."""

    true: int
    """Its class."""
    answer: int
    rival: int
    """The answer, if it is wrong; else the second best class."""
    lead: float
    """Output of the rival minus output of the true class; below 0 for a correct answer."""
    train: np.ndarray
    """(m,) int64, ascending: the training photos without this one."""
    effects: np.ndarray
    """(m,): change of the lead when the head is fitted without the training photo."""
    flip: np.ndarray | None
    """(s,) int64: training photos without which the answer becomes correct, or wrong. Each of them
    is needed. None if there is no such set of 50 or fewer."""
    taught: bool
    """Whether the true class has a training photo."""

    @property
    def right(self) -> bool:
        """Whether the answer is correct."""
        return self.answer == self.true

    def find_strongest(self, towards_rival: bool, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training photos that speak most for the rival, or for the true class, and
        their effects."""
        signed = self.effects if towards_rival else -self.effects
        order = np.argsort(signed, kind="stable")[:most]
        order = order[signed[order] < 0]
        return self.train[order], self.effects[order]


def find_reasons(head: ExactHead, photo: int) -> Reasons:
    """Return the reasons for the answer to a photo.

    Raises:
        FeaturesMissing: Only one class has training photos.
    """
    true, own, k = int(head.labels[photo]), head.train == photo, head.n_classes
    outputs, free, correction = _answer_left_out(head, photo)
    train = head.train[~own]
    members = np.bincount(head.labels[train], minlength=k)
    rival, right = _judge(outputs, members, true)
    if rival is None:
        raise FeaturesMissing(
            "Only one class has training photos, so there is no other answer.",
            "Add photos of a second class, then train a run on the new version.",
        )
    raw = (head.rows @ (head.rows[photo] * head.weights))[train].astype(np.float64)
    growth = 0.0 if free == 1 else 1 / free  # of (A + λI)⁻¹ along the photo, without it

    def find_residuals(places: np.ndarray, classes: np.ndarray) -> np.ndarray:
        targets = head.labels[train[places], None] == classes
        residuals = targets - head.outputs[train[places][:, None], classes]
        return np.asarray(residuals + np.outer(raw[places], correction[classes]))

    everywhere, pair = np.arange(len(train)), np.array([rival, true])
    leverages = head.leverages[~own] + growth * raw**2
    effects = _move_lead(raw / free, leverages, find_residuals(everywhere, pair), 0, 1)
    places = np.argsort(-effects if right else effects, kind="stable")[:_POOL]
    among = head.weigh(train[places], train[places])
    among = among + growth * np.outer(raw[places], raw[places])
    residuals = find_residuals(places, np.arange(k))
    pool = _Pool(head.labels[train[places]], outputs, raw[places] / free, among, residuals)
    flip = _find_flip(pool, members, true, right)
    return Reasons(
        true=true,
        answer=true if right else rival,
        rival=rival,
        lead=float(outputs[rival] - outputs[true]),
        train=train,
        effects=effects,
        flip=None if flip is None else train[places[flip]],
        taught=bool(members[true]),
    )


def _answer_left_out(head: ExactHead, photo: int) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the outputs for a photo (k,), 1 - its leverage, and its residual (k,).

    A training photo is left out; the others have no leverage and no residual.
    """
    outputs, own = head.outputs[photo].astype(np.float64), head.train == photo
    if not own.any():
        return outputs, 1.0, np.zeros(head.n_classes)
    free = max(1 - float(head.leverages[own][0]), LEAST_FREE)
    target = one_hot(head.labels[[photo]], head.n_classes)[0]
    residual = (target - outputs) / free
    return target - residual, free, residual


class _Pool(NamedTuple):
    """The outputs of one photo, and p training photos that may be left out."""

    labels: np.ndarray
    """(p,) of the training photos."""
    outputs: np.ndarray
    """(k,) of the photo."""
    pulls: np.ndarray
    """(p,): what a label of the training photo adds to an output of the photo."""
    among: np.ndarray
    """(p, p): the same between the training photos; their leverages are the diagonal."""
    residuals: np.ndarray
    """(p, k)."""

    def leave_out(self, place: int) -> "_Pool":
        """Return it without one of the p photos, which then has no effect any more."""
        free = max(1 - self.among[place, place], LEAST_FREE)
        along = self.among[place] / free
        return self._replace(
            outputs=self.outputs - self.pulls[place] / free * self.residuals[place],
            pulls=self.pulls + self.pulls[place] * along,
            among=self.among + np.outer(along, self.among[place]),
            residuals=self.residuals + np.outer(along, self.residuals[place]),
        )

    def answer_without(self, out: list[int]) -> np.ndarray:
        """Return the outputs without some of the p photos at once, (k,)."""
        inside = np.eye(len(out)) - self.among[np.ix_(out, out)]
        apart = scipy.linalg.solve(inside, self.residuals[out], assume_a="sym")
        return np.asarray(self.outputs - self.pulls[out] @ apart)


def _move_lead(
    pulls: np.ndarray, leverages: np.ndarray, residuals: np.ndarray, rival: int, true: int
) -> np.ndarray:
    """Return the change of the rival's lead without each of p photos, (p,)."""
    apart = residuals[:, rival] - residuals[:, true]
    return np.asarray(-pulls * apart / np.maximum(1 - leverages, LEAST_FREE))


def _judge(outputs: np.ndarray, members: np.ndarray, true: int) -> tuple[int | None, bool]:
    """Return the best other class with a training photo, and whether the true class is first."""
    known = np.where(members > 0, outputs, -np.inf)
    answer = int(known.argmax())
    known[true] = -np.inf
    rival = int(known.argmax())
    return (rival if known[rival] > -np.inf else None), bool(answer == true and members[true])


def _find_flip(pool: _Pool, members: np.ndarray, true: int, right: bool) -> list[int] | None:
    """Return the places in the pool of `Reasons.flip`.

    The photo with the largest effect is added until the answer changes; then photos that are not
    needed are dropped.
    """
    sign = -1 if right else 1  # a correct answer becomes wrong as the rival gains

    def judge(outputs: np.ndarray, out: list[int]) -> tuple[int | None, bool]:
        gone = np.bincount(pool.labels[out], minlength=len(members))
        return _judge(outputs, members - gone, true)

    out: list[int] = []
    left = pool
    rival, now = judge(left.outputs, out)
    while now == right:
        if len(out) == min(MOST_LEFT_OUT, len(pool.labels)) or rival is None:
            return None
        gains = sign * _move_lead(left.pulls, left.among.diagonal(), left.residuals, rival, true)
        gains[out] = np.inf
        best = int(gains.argmin())
        if gains[best] >= 0:
            return None
        out.append(best)
        left = left.leave_out(best)
        rival, now = judge(left.outputs, out)
    for place in out[::-1]:
        fewer = [one for one in out if one != place]
        if judge(pool.answer_without(fewer), fewer)[1] != right:
            out = fewer
    return out


@dataclass(frozen=True, kw_only=True, eq=False)
class Why(Reasons):
    """The reasons of the exact head, beside the answer of a run."""

    dataset: Dataset
    photo: int
    run_answer: int
    """The class that the run itself gives it."""
    trained: bool
    """Whether it is a training photo of the run."""

    @property
    def differs(self) -> bool:
        """Whether the run gives another answer."""
        return self.run_answer != self.answer

    @property
    def sides(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Class → its strongest photos and their effects: the rival first, then the true class."""
        return {
            self.rival: self.find_strongest(True, SHOWN),
            self.true: self.find_strongest(False, SHOWN),
        }

    def say_answer(self, name: _Name = str) -> str:
        """Return the answer and its lead in words."""
        classes = self.dataset.classes
        true, rival = name(classes[self.true]), name(classes[self.rival])
        lead = f"{abs(self.lead):.3f}"
        if self.right:
            return f"The exact head correctly answers {true}, {lead} ahead of {rival}."
        wrong = f"The exact head wrongly answers {rival}"
        return f"{wrong}, {lead} ahead of {true}." if self.taught else f"{wrong}."

    def say_set(self, name: _Name = str) -> str:
        """Return the size of the set that decides the answer in words."""
        turned = "wrong" if self.right else "correct"
        if not self.taught:
            other = "other " if self.trained else ""
            true = name(self.dataset.classes[self.true])
            return f"No {other}training photo shows {true}: leaving photos out cannot help."
        if self.flip is None:
            return f"A firm answer: no {MOST_LEFT_OUT} or fewer training photos decide it."
        photos = f"{len(self.flip):,} of the {count(len(self.train), 'training photo')}"
        return f"Without {photos} the answer would be {turned}."

    def say_limits(self, run: str, name: _Name = str) -> list[str]:
        """Return notes on the head behind the answer."""
        said, classes = [], self.dataset.classes
        if self.trained:
            said.append("Training photo: answered by a head fitted without it.")
        if self.differs:
            own, exact = name(classes[self.run_answer]), name(classes[self.answer])
            said.append(f"{run} answers {own}; the exact head answers {exact}, for these reasons.")
        return said


def ask_why(head: ExactHead, dataset: Dataset, result: RunResult, photo: int) -> Why:
    """Return the reasons for the answer to a photo; raises as `find_reasons`."""
    return Why(
        **vars(find_reasons(head, photo)),
        dataset=dataset,
        photo=photo,
        run_answer=int(result.scores[photo].argmax()),
        trained=bool((head.train == photo).any()),
    )
