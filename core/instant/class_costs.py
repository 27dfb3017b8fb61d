"""What a class costs: the exact head without it, or with two classes as one, equal to refits.

A class that is dropped takes its training photos along (Woodbury, or a fit by the smaller side).
Outputs are linear in the labels, so classes that become one have the sum of their outputs, also
among those of training photos left out: these choose what to merge, and validation photos, which
chose nothing, judge it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from core.instant.head import ExactHead
from core.instant.subsets import answer_nested

MERGES = 40
"""Merges at most."""
_PAIRS = 60
"""Pairs of classes that are tried at each merge: those most often taken for each other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Which of the judged photos are right before and after."""

    before: np.ndarray
    """(v,) bool."""
    after: np.ndarray
    """(v,) bool, of the same photos."""
    labels: np.ndarray
    """(v,) int, their classes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Merge:
    """Two groups of classes that become one."""

    one: tuple[int, ...]
    other: tuple[int, ...]
    judged: Judged
    """Before: with the merges of before, not with this one."""


def drop_class(head: ExactHead, place: int, photos: np.ndarray) -> Judged:
    """Return what the photos (v,) of other classes are, with a class and without it."""
    judged = photos[head.labels[photos] != place]
    members = np.flatnonzero(head.labels[head.train] == place)
    outputs = _answer_without(head, members, judged)
    outputs[:, place] = -np.inf
    true = head.labels[judged]
    before = head.outputs[judged].argmax(axis=1) == true
    return Judged(before=before, after=outputs.argmax(axis=1) == true, labels=true)


def merge_classes(head: ExactHead, photos: np.ndarray) -> Iterator[Merge]:
    """Yield the merges, best first: each the most right answers among the photos of both classes.

    Chosen on training photos, each answered by the head that was fitted without it; ends where no
    merge makes more of them right, or two classes are left.
    """
    chosen, judged = _Merged(head, head.train, head.left_out), _Merged(head, photos)
    while len(chosen.groups) > 2 and len(chosen.merges) < MERGES:
        pair = chosen.find_best()
        if pair is None:
            return
        one, other = (chosen.groups[place] for place in pair)
        before = judged.right
        chosen.merge(*pair)
        judged.merge(*pair)
        found = Judged(before=before, after=judged.right, labels=head.labels[photos])
        yield Merge(one=one, other=other, judged=found)


class _Merged:
    """Outputs and labels of photos while classes become one; groups keep their order."""

    def __init__(self, head: ExactHead, photos: np.ndarray, outputs: np.ndarray | None = None):
        self.outputs = np.array(head.outputs[photos] if outputs is None else outputs)
        self.labels = head.labels[photos].copy()
        self.groups: list[tuple[int, ...]] = [(place,) for place in range(head.n_classes)]
        self.merges: list[tuple[int, int]] = []

    @property
    def right(self) -> np.ndarray:
        return np.asarray(self.outputs.argmax(axis=1) == self.labels)

    def merge(self, one: int, other: int) -> None:
        """Make the group `other` part of `one`, which stands before it."""
        self.outputs[:, one] += self.outputs[:, other]
        self.outputs = np.delete(self.outputs, other, axis=1)
        self.labels[self.labels == other] = one
        self.labels -= self.labels > other
        self.groups[one] += self.groups.pop(other)
        self.merges.append((one, other))

    def find_best(self) -> tuple[int, int] | None:
        """Return the pair whose merge makes most right, by the photos of both; None where none."""
        k, answers = len(self.groups), self.outputs.argmax(axis=1)
        wrong = answers != self.labels
        pairs = np.sort(np.stack([self.labels[wrong], answers[wrong]]), axis=0)
        codes, times = np.unique(pairs[0] * k + pairs[1], return_counts=True)
        sizes = np.bincount(self.labels, minlength=k)
        both = sizes[codes // k] + sizes[codes % k]
        tried = codes[np.argsort(-times / both, kind="stable")][:_PAIRS]
        ranks = np.argpartition(-self.outputs, min(2, k - 1), axis=1)[:, :3]
        gains = [self._count_gain(int(code) // k, int(code) % k, ranks) for code in tried]
        shares = [
            gain / (sizes[code // k] + sizes[code % k])
            for gain, code in zip(gains, tried, strict=True)
        ]
        if not shares or max(shares) <= 0:
            return None
        best = int(tried[int(np.argmax(shares))])
        return best // k, best % k

    def _count_gain(self, one: int, other: int, ranks: np.ndarray) -> int:
        """Return by how many right answers a merge changes; of three ranks one is a third's."""
        rows = np.arange(len(ranks))[:, None]
        values = np.where((ranks == one) | (ranks == other), -np.inf, self.outputs[rows, ranks])
        third = ranks[rows[:, 0], values.argmax(axis=1)]
        is_sum = self.outputs[:, one] + self.outputs[:, other] > values.max(axis=1)
        mine = (self.labels == one) | (self.labels == other)
        after = np.where(mine, is_sum, ~is_sum & (third == self.labels))
        return int(after.sum()) - int(self.right.sum())


def _answer_without(head: ExactHead, members: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return the outputs (v, k) without these of the training photos (places)."""
    outputs = np.array(head.outputs[judged], np.float64)
    if not len(members):
        return outputs
    if len(members) == len(head.train):
        return np.zeros_like(outputs)
    if len(members) > head.rows.shape[1]:
        kept = np.delete(head.train, members)
        return next(answer_nested(head, kept, np.array([len(kept)]), judged))
    photos = head.train[members]
    inside = np.eye(len(photos)) - head.weigh(photos, photos)
    apart = linalg.solve(inside, head.residuals[members].astype(np.float64), assume_a="sym")
    return np.asarray(outputs - head.weigh(judged, photos) @ apart)
