"""Why the exact head answers a photo as it does: what each training photo does to it, and how few
of them decide.

The lead of a class over another is the difference of their outputs. What leaving training photos
out does to it is exact, equal to a refit (Woodbury, as in `change`); a training photo is asked of
the head that has not learned from it.

Source: representer points, arXiv 1811.09720; the smallest set that flips an answer, arXiv
2302.02169.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

from core.instant.head import LEAST_FREE, ExactHead, one_hot

MOST_LEFT_OUT = 50
"""Photos that a set which flips the answer may have."""
_POOL = 200
"""Training photos that are tried for it: those that move the lead most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reasons:
    """What decides the answer to one photo."""

    true: int
    """Its class."""
    answer: int
    """The class that the head gives it."""
    rival: int
    """The class it is weighed against: the answer where that is wrong, else the second best."""
    lead: float
    """How far the rival is ahead of the true class, in outputs; below 0 for a right answer."""
    train: np.ndarray
    """(m,) int64, ascending: the training photos; without this photo, where it is one of them."""
    effects: np.ndarray
    """(m,): what the lead gains when the head learns without this one."""
    flip: np.ndarray | None
    """(s,) int64: the training photos without which the answer turns from wrong to right, or from
    right to wrong; none of them can be spared. None: there is no such set of 50 or fewer."""
    taught: bool
    """Whether a training photo shows the true class."""

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.answer == self.true

    def find_strongest(self, towards_rival: bool, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the training photos that pull most towards the rival, or towards the true class,
        and the effects of leaving them out."""
        signed = self.effects if towards_rival else -self.effects
        order = np.argsort(signed, kind="stable")[:most]
        order = order[signed[order] < 0]
        return self.train[order], self.effects[order]


class _Sight(NamedTuple):
    """What one photo is answered from, and p of the training photos that the answer rests on."""

    outputs: np.ndarray
    """(k,), its own."""
    pulls: np.ndarray
    """(p,): what a label there adds to an output here."""
    among: np.ndarray
    """(p, p): the same between them; their leverages are the diagonal."""
    residuals: np.ndarray
    """(p, k)."""

    def leave_out(self, place: int) -> "_Sight":
        """Return it without one of the p photos, which then has no effect any more."""
        free = max(1 - self.among[place, place], LEAST_FREE)
        along = self.among[place] / free
        return _Sight(
            outputs=self.outputs - self.pulls[place] / free * self.residuals[place],
            pulls=self.pulls + self.pulls[place] * along,
            among=self.among + np.outer(along, self.among[place]),
            residuals=self.residuals + np.outer(along, self.residuals[place]),
        )

    def answer_without(self, out: list[int]) -> np.ndarray:
        """Return the outputs without some of the p photos at once, (k,)."""
        inside = np.eye(len(out)) - self.among[np.ix_(out, out)]
        apart = linalg.solve(inside, self.residuals[out], assume_a="sym")
        return np.asarray(self.outputs - self.pulls[out] @ apart)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """A photo, and the head that has not learned from it."""

    head: ExactHead
    true: int
    outputs: np.ndarray
    """(k,) float64."""
    train: np.ndarray
    """(m,) int64: the training photos, without the photo."""
    members: np.ndarray
    """(k,) int: how many of each class."""
    raw: np.ndarray
    """(m,) float64: what they weigh with the photo, in the head as it is."""
    leverages: np.ndarray
    """(m,)."""
    free: float
    """1 less the photo's own leverage; 1 where the head has not learned from it."""
    correction: np.ndarray
    """(k,): the photo's own residual without it; 0 where the head has not learned from it."""

    @property
    def extra(self) -> float:
        """What (A + λI)⁻¹ grows by along the photo when it is left out."""
        return 0.0 if self.free == 1 else 1 / self.free

    def measure_effects(self, rival: int) -> np.ndarray:
        """Return what leaving out each training photo adds to the lead of the rival, (m,)."""
        pair = np.array([rival, self.true])
        outputs = self.head.outputs[self.train[:, None], pair]
        residuals = (self.head.labels[self.train, None] == pair) - outputs
        residuals = residuals + np.outer(self.raw, self.correction[pair])
        return _move_lead(self.raw / self.free, self.leverages, residuals, 0, 1)

    def see(self, places: np.ndarray) -> _Sight:
        """Return the sight of some of the training photos, (p,) int."""
        head, raw, photos = self.head, self.raw[places], self.train[places]
        residuals = one_hot(head.labels[photos], head.n_classes) - head.outputs[photos]
        return _Sight(
            outputs=self.outputs,
            pulls=raw / self.free,
            among=head.weigh(photos, photos) + self.extra * np.outer(raw, raw),
            residuals=residuals + np.outer(raw, self.correction),
        )


def find_reasons(head: ExactHead, photo: int) -> Reasons | None:
    """Return what decides the answer to a photo; None where no second class is taught."""
    asked = _ask(head, photo)
    rival, right = _judge(asked.outputs, asked.members, asked.true)
    if rival is None:
        return None
    effects = asked.measure_effects(rival)
    return Reasons(
        true=asked.true,
        answer=asked.true if right else rival,
        rival=rival,
        lead=float(asked.outputs[rival] - asked.outputs[asked.true]),
        train=asked.train,
        effects=effects,
        flip=_find_flip(asked, effects, right),
        taught=bool(asked.members[asked.true]),
    )


def _ask(head: ExactHead, photo: int) -> _Asked:
    true, outputs = int(head.labels[photo]), head.outputs[photo].astype(np.float64)
    own = head.train == photo
    members = np.bincount(head.labels[head.train], minlength=head.n_classes)
    free, correction = 1.0, np.zeros(head.n_classes)
    if own.any():
        members[true] -= 1
        free = max(1 - float(head.leverages[own][0]), LEAST_FREE)
        target = one_hot(np.array([true]), head.n_classes)[0]
        correction = (target - outputs) / free
        outputs = target - correction
    raw = (head.rows @ (head.rows[photo] * head.weights))[head.train[~own]].astype(np.float64)
    return _Asked(
        head=head,
        true=true,
        outputs=outputs,
        train=head.train[~own],
        members=members,
        raw=raw,
        leverages=head.leverages[~own] + (raw**2 / free if own.any() else 0),
        free=free,
        correction=correction,
    )


def _move_lead(
    pulls: np.ndarray, leverages: np.ndarray, residuals: np.ndarray, rival: int, true: int
) -> np.ndarray:
    """Return what leaving out each of p photos adds to the lead of the rival, (p,)."""
    apart = residuals[:, rival] - residuals[:, true]
    return np.asarray(-pulls * apart / np.maximum(1 - leverages, LEAST_FREE))


def _judge(outputs: np.ndarray, members: np.ndarray, true: int) -> tuple[int | None, bool]:
    """Return the best other class with a training photo, and whether the true one is first."""
    known = np.where(members > 0, outputs, -np.inf)  # of nothing at all the first is no answer
    answer = int(known.argmax())
    known[true] = -np.inf
    rival = int(known.argmax())
    return (rival if known[rival] > -np.inf else None), bool(answer == true and members[true])


def _find_flip(asked: _Asked, effects: np.ndarray, right: bool) -> np.ndarray | None:
    """Return the photos of `Reasons.flip`: the one that moves the lead most, again and again, and
    then without those that can be spared."""
    sign = -1 if right else 1  # a right answer turns wrong as the rival gains
    pool = np.argsort(sign * effects, kind="stable")[:_POOL]
    labels, sight = asked.head.labels[asked.train[pool]], asked.see(pool)

    def judge(outputs: np.ndarray, out: list[int]) -> tuple[int | None, bool]:
        gone = np.bincount(labels[out], minlength=len(asked.members))
        return _judge(outputs, asked.members - gone, asked.true)

    out: list[int] = []
    left = sight
    rival, now = judge(left.outputs, out)
    while now == right:
        if len(out) == min(MOST_LEFT_OUT, len(pool)) or rival is None:
            return None
        gains = sign * _move_lead(
            left.pulls, left.among.diagonal(), left.residuals, rival, asked.true
        )
        gains[out] = np.inf
        best = int(gains.argmin())
        if gains[best] >= 0:
            return None
        out.append(best)
        left = left.leave_out(best)
        rival, now = judge(left.outputs, out)
    for place in out[::-1]:
        fewer = [one for one in out if one != place]
        if judge(sight.answer_without(fewer), fewer)[1] != right:
            out = fewer
    return np.asarray(asked.train[pool[out]])
