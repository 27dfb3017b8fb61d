"""Dials on training: wrong labels, fewer photos and another λ, each answered in milliseconds.

A set of training photos is kept in the eigenvectors of its own Gram matrix. There any labels and
any λ cost two products of small matrices: (XᵀX + λI)⁻¹ is a diagonal, and does not know labels.
A job prepares a dial for each size of the learning curve, and 200 shuffles of the labels; they are
opened memory-mapped.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import linalg, sparse

from core.datasets.quality.results import read_array, read_facts
from core.evaluation.confusion import count_confusions
from core.exact.store import HeadSource, prepare_head
from core.instant.head import ExactHead
from core.instant.subsets import choose_sizes, order_stratified
from core.runs.jobs import Tell
from core.workspace import Workspace

SHUFFLES = 200
_AT_ONCE = 20
_LEAST = 1e-9
"""Share of the largest eigenvalue below which a direction is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dial:
    """A set of training photos, ready for any labels and any λ. Arrays may be memory-mapped."""

    photos: np.ndarray
    """(n,) int, photo numbers."""
    rows: np.ndarray
    """(n, q): X of these photos in the eigenvectors."""
    judged: np.ndarray
    """(m, q): X of the photos that judge."""
    eigenvalues: np.ndarray
    """(q,)."""

    def answer(self, labels: np.ndarray, n_classes: int, ridge: float) -> np.ndarray:
        """Return the outputs (m, k) for the judged photos under these labels of the photos (n,).

        Several labellings, one after the other (s * n,), with numbers of their own, cost one pass.
        """
        n = len(self.rows)
        ones, rows = np.ones(len(labels), self.rows.dtype), np.arange(len(labels)) % n
        targets = sparse.csr_array((ones, (labels, rows)), shape=(n_classes, n))
        sums = targets @ np.asarray(self.rows)
        return np.asarray((self.judged / (self.eigenvalues + ridge)) @ sums.T)

    def predict(self, labels: np.ndarray, n_classes: int, ridge: float) -> np.ndarray:
        """Return the class of the highest output, (m,) int."""
        return np.asarray(self.answer(labels, n_classes, ridge).argmax(axis=1))


def make_dial(head: ExactHead, photos: np.ndarray, judged: np.ndarray) -> Dial:
    """Return the dial of some training photos, by the smaller side of their matrix."""
    own, others = head.rows[photos], head.rows[judged]
    if len(photos) == len(head.train):  # the head stands in their eigenvectors already
        values = head.eigenvalues.astype(own.dtype)
        return Dial(photos=photos, rows=own, judged=others, eigenvalues=values)
    is_dual = len(own) < own.shape[1]
    gram = (own @ own.T if is_dual else own.T @ own).astype(np.float64)
    values, vectors = linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
    kept = values > _LEAST * values[-1]
    values, vectors = values[kept], vectors[:, kept].astype(own.dtype)
    axes = own.T @ (vectors / np.sqrt(values)) if is_dual else vectors
    return Dial(
        photos=photos,
        rows=(own @ axes).astype(own.dtype),
        judged=(others @ axes).astype(own.dtype),
        eigenvalues=values.astype(own.dtype),
    )


def spoil_labels(labels: np.ndarray, share: float, pairs: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the labels (n,) of which a share is wrong; a larger share keeps those of a smaller.

    Args:
        pairs: (k, k): how likely each class is taken for another; the diagonal is passed over.
            A class that is taken for none is taken for any.
    """
    rng = np.random.default_rng(seed)
    order, drawn = rng.permutation(len(labels)), rng.random(len(labels))
    spoilt = labels.copy()
    if len(pairs) < 2:
        return spoilt
    wrong = pairs.astype(np.float64)
    np.fill_diagonal(wrong, 0)
    none = wrong.sum(axis=1) == 0
    wrong[none] = 1 - np.eye(len(pairs))[none]
    upto = np.cumsum(wrong / wrong.sum(axis=1, keepdims=True), axis=1)
    chosen = order[: round(share * len(labels))]
    others = (drawn[chosen, None] > upto[labels[chosen]]).sum(axis=1)
    last = (wrong[labels[chosen]] > 0).cumsum(axis=1).argmax(axis=1)  # where rounding ends below 1
    spoilt[chosen] = np.minimum(others, last)
    return spoilt


def shuffle_labels(
    dial: Dial, labels: np.ndarray, true: np.ndarray, n_classes: int, ridge: float
) -> np.ndarray:
    """Return the share of right answers after each of 200 shuffles of the labels, (200,).

    Args:
        labels: (n,) int, of the photos of the dial.
        true: (m,) int, of those that judge.
    """
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(SHUFFLES // _AT_ONCE):
        shuffled = np.stack([rng.permutation(labels) for _ in range(_AT_ONCE)])
        places = np.arange(_AT_ONCE)[:, None] * n_classes
        outputs = dial.answer((shuffled + places).ravel(), _AT_ONCE * n_classes, ridge)
        answers = outputs.reshape(len(true), _AT_ONCE, n_classes).argmax(axis=2)
        shares.append((answers == true[:, None]).mean(axis=0))
    return np.concatenate(shares)


KIND = "dials"
WAYS = {"random": "at random", "confusion": "by confusion pairs"}
Way = Literal["random", "confusion"]
_ARRAYS = ("photos", "rows", "judged", "eigenvalues")


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """Where the dials stand."""

    wrong: float = 0.0
    """Share of wrong labels."""
    way: Way = "random"
    times: float = 1.0
    """λ, in units of the one that was chosen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dials:
    """What training would have come to."""

    dials: tuple[Dial, ...]
    """By size, the last with all training photos."""
    labels: np.ndarray
    """(n,) int, of all photos of the dataset."""
    judged: np.ndarray
    """(m,) int, the validation photos."""
    pairs: np.ndarray
    """(k, k): confusions of training photos, each left out of the head."""
    ridge: float
    shuffled: np.ndarray
    """(200,): accuracies with shuffled labels."""

    @property
    def sizes(self) -> list[int]:
        """How many training photos each dial has."""
        return [len(dial.photos) for dial in self.dials]

    def predict(self, setting: Setting) -> np.ndarray:
        """Return what each dial takes each validation photo for, (s, m) int."""
        pairs = self.pairs if setting.way == "confusion" else np.ones_like(self.pairs)
        every, spoilt = self.dials[-1].photos, self.labels.copy()
        spoilt[every] = spoil_labels(self.labels[every], setting.wrong, pairs)
        ridge = self.ridge * setting.times
        return np.stack(
            [dial.predict(spoilt[dial.photos], len(pairs), ridge) for dial in self.dials]
        )

    def measure(self, predicted: np.ndarray) -> np.ndarray:
        """Return the accuracy of each dial, (s,)."""
        return np.asarray((predicted == self.labels[self.judged]).mean(axis=1))

    def confuse(self, predicted: np.ndarray) -> np.ndarray:
        """Return the confusion matrix (k, k) of one dial's answers (m,), rows true."""
        return count_confusions(self.labels[self.judged], predicted, len(self.pairs))

    @cached_property
    def plain(self) -> np.ndarray:
        """(s,): the accuracy of each dial with nothing turned."""
        return self.measure(self.predict(Setting()))

    def say_learnable(self) -> str:
        """Return in words where the accuracy lies among those of shuffled labels."""
        real = float(self.plain[-1])
        as_good = int((self.shuffled >= real).sum())
        low, high = self.shuffled.min(), self.shuffled.max()
        words = (
            f"With shuffled labels {100 * low:.1f} to {100 * high:.1f} % are right "
            f"({len(self.shuffled)} shuffles), with the real ones {100 * real:.1f} %"
        )
        p = (1 + as_good) / (1 + len(self.shuffled))
        verdict = (
            "these classes can be learnt from these photos"
            if p < 0.05
            else "nothing shows that these classes can be learnt from these photos"
        )
        return f"{words}: {verdict} (p = {p:.3f})."


def read_dials(workspace: Workspace, source: HeadSource) -> Dials | None:
    """Return the dials of a dataset, memory-mapped; None while they are not made."""
    facts = read_facts(workspace, source.identify(KIND))
    if facts is None:
        return None
    dials = [
        Dial(**{name: read_array(facts, f"{name}{place}") for name in _ARRAYS})
        for place in range(facts.rest["sizes"])
    ]
    return Dials(
        dials=tuple(dials),
        labels=source.dataset.labels,
        judged=source.dataset.photo_numbers("validation"),
        pairs=read_array(facts, "pairs"),
        ridge=facts.rest["ridge"],
        shuffled=read_array(facts, "shuffled"),
    )


def prepare_dials(workspace: Workspace, source: HeadSource, tell: Tell) -> Dials:
    """Return the dials, made now where they are not kept.

    Raises:
        FeaturesMissing: The features were removed or altered.
    """
    if (kept := read_dials(workspace, source)) is not None:
        return kept
    tell("the exact head", 0, 0)
    head, judged = prepare_head(workspace, source), source.dataset.photo_numbers("validation")
    labels, n_classes = source.dataset.labels, len(source.dataset.classes)
    order = head.train[order_stratified(labels[head.train], np.random.default_rng(0))]
    sizes = choose_sizes(len(order), 2 * n_classes)
    arrays: dict[str, np.ndarray] = {}
    for place, size in enumerate(sizes):
        tell("fewer photos", place, len(sizes))
        dial = make_dial(head, np.sort(order[:size]), judged)
        arrays |= {f"{name}{place}": getattr(dial, name) for name in _ARRAYS}
    tell("shuffled labels", 0, 0)
    arrays["shuffled"] = shuffle_labels(
        dial, labels[dial.photos], labels[judged], n_classes, head.ridge
    )
    left_out = head.left_out.argmax(axis=1)
    arrays["pairs"] = count_confusions(labels[head.train], left_out, n_classes)
    source.keep(workspace, KIND, arrays=arrays, sizes=len(sizes), ridge=head.ridge)
    made = read_dials(workspace, source)
    assert made is not None
    return made
