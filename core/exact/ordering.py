"""Labelling photos one by one: what is known of them, which comes next, and the version they make.

Labels in progress are relabels in the tray of the dataset. Photos to learn from come in the order
of `core.instant.herding`; each fifth photo is a validation photo, drawn by chance: they alone say
how right the labels make a head, and photos chosen for being hard would say too little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.datasets.edits.tray import Edit, list_edits, resolve_edits
from core.datasets.quality.results import list_results, read_array
from core.errors import EditRefused
from core.instant.herding import Replay, Strategy, order_photos, score_photos
from core.workspace import Workspace
from data.dataset import Dataset
from data.importing import Progress
from data.sources.unlabelled import find_unlabelled, is_no_label
from data.versions import make_version
from models.weights import WeightsKind

AMONG = 3_000
"""Photos that the next one is chosen from where somebody waits for it."""
FEWEST_PHOTOS, FEWEST_CLASSES = 3, 2
"""Labelled ones that make a version: two to tell apart, and one to judge by."""
_EACH = 5
"""One photo of so many is for validation."""
_UNKNOWN, _OUT = -1, -2


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What is known of the photos of a dataset: its classes, and what the tray says."""

    dataset: Dataset
    changes: pd.DataFrame
    """Resolved edits."""
    classes: tuple[str, ...]
    """Those that somebody named, sorted; without the one for no label."""
    numbers: np.ndarray
    """(n,) int, index into the classes; -1: not labelled yet; -2: left out."""

    @property
    def labelled(self) -> int:
        """How many photos have a label."""
        return int((self.numbers >= 0).sum())

    @property
    def waiting(self) -> int:
        """How many have none yet."""
        return int((self.numbers == _UNKNOWN).sum())

    @cached_property
    def lacks(self) -> str:
        """What is missing for a version, in words; empty: nothing."""
        known = len(np.unique(self.numbers[self.numbers >= 0]))
        missing = []
        if known < FEWEST_CLASSES:
            missing.append(f"{FEWEST_CLASSES - known} more of the classes to tell apart")
        if self.labelled < FEWEST_PHOTOS:
            missing.append(f"{FEWEST_PHOTOS} labelled photos (now {self.labelled})")
        return " and ".join(missing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """What photos are ordered by: made by a job (`quality.store.request_analysis`)."""

    rows: np.ndarray
    """(n, ≤ 256), memory-mapped; see core.instant.herding."""
    label: str
    """What to call the weights of its features."""
    replay: Replay | None
    """None where too few photos had labels."""


def read_labels(dataset: Dataset, edits: Sequence[Edit]) -> Labels:
    """Return what is known of the photos, with the edits in the tray of the dataset."""
    changes = resolve_edits(dataset, edits)
    names = np.array(dataset.classes, dtype=object)[dataset.labels]
    names[changes["photo"].to_numpy()] = changes["new_class"]
    classes = tuple(sorted({name for name in set(names.tolist()) if not is_no_label(name)}))
    found = {name: number for number, name in enumerate(classes)}
    numbers = np.array([found.get(name, _UNKNOWN) for name in names.tolist()], np.int64)
    numbers[changes.loc[changes["excluded"], "photo"].to_numpy()] = _OUT
    return Labels(dataset=dataset, changes=changes, classes=classes, numbers=numbers)


def has_unlabelled(dataset: Dataset) -> bool:
    """Return whether photos of the dataset had no label when it was made."""
    return bool(find_unlabelled(dataset.classes, dataset.labels).any())


def read_basis(
    workspace: Workspace, dataset_id: str, weights: WeightsKind | None = None
) -> Basis | None:
    """Return what photos of a dataset are ordered by; None while no job has made it.

    Args:
        weights: Only by these; None: by pretrained ones where there are some.
    """
    for facts in list_results(workspace, dataset_id, "order"):
        if weights not in (None, facts.weights):
            continue
        replay = None
        if "sizes" in facts.arrays:
            arrays = {name: read_array(facts, name) for name in ("sizes", "accuracies", "classes")}
            replay = Replay(judged=facts.rest["judged"], pool=facts.rest["pool"], **arrays)
        return Basis(rows=read_array(facts, "rows"), label=facts.label, replay=replay)
    return None


def choose_next(
    labels: Labels,
    rows: np.ndarray | None,
    *,
    by: Strategy = "herding",
    most: int = 1,
    among: int = AMONG,
) -> np.ndarray:
    """Return the photos to label next, in order, (≤ most,) int; by chance where rows are missing.

    Args:
        rows: (n, q) of `Basis`.
        by: The order of train photos; of others it is chance.
        among: Train photos that are looked at; of more, so many are drawn.
    """
    numbers, splits = labels.numbers, labels.dataset.splits
    waiting = numbers == _UNKNOWN
    chance = np.random.default_rng(labels.dataset.edition).permutation(len(numbers))
    train = chance[(waiting & (splits == "train"))[chance]]
    rest = chance[(waiting & (splits == "validation"))[chance]].tolist()
    last = chance[(waiting & (splits == "test"))[chance]].tolist()
    if rows is not None and by != "random":
        asked = np.where(waiting | (splits != "train"), _OUT, numbers)
        asked[train[:among]] = _UNKNOWN
        train = order_photos(rows, asked, by=by, most=most, seed=labels.dataset.edition)
    queue, chosen = train.tolist(), list[int]()
    for place in range(labels.labelled, labels.labelled + most):
        turn = rest if rest and (place % _EACH == _EACH - 1 or not queue) else queue or last
        if turn:
            chosen.append(turn.pop(0))
    return np.array(chosen, np.int64)


def guess(labels: Labels, rows: np.ndarray, photo: int) -> list[tuple[str, float]]:
    """Return the classes of a photo by a head of what is known, with scores, the best first."""
    told, scores = _score(labels, rows, np.array([photo]))
    order = np.argsort(-scores[0], kind="stable") if len(told) else ()
    return [(labels.classes[int(told[place])], float(scores[0, place])) for place in order]


def measure_right(labels: Labels, rows: np.ndarray) -> tuple[int, int]:
    """Return how many labelled validation photos a head of the train photos is right on, of all."""
    judges = np.flatnonzero((labels.numbers >= 0) & (labels.dataset.splits == "validation"))
    told, scores = _score(labels, rows, judges)
    if not len(told):
        return 0, 0
    answers = told[scores.argmax(axis=1)]
    return int((answers == labels.numbers[judges]).sum()), len(judges)


def make_labelled(
    workspace: Workspace,
    dataset: Dataset,
    *,
    name: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Return the version of the photos that have a label by now; labelling may go on after it.

    Splits stay, but for photos that must move: each class is learned from, and one photo judges.

    Raises:
        EditRefused: Too little is labelled.
        ResultDamaged, DiskFull: As `make_version`.
    """
    labels = read_labels(dataset, list_edits(workspace, dataset.id))
    if labels.lacks:
        raise EditRefused(f"A version needs {labels.lacks}.", "Label more photos.")
    known = labels.numbers >= 0
    numbers = np.where(known, labels.numbers, 0)
    table = pd.DataFrame(
        {
            "photo": np.arange(len(dataset)),
            "path": dataset.manifest["path"].to_numpy(),
            "class": dataset.manifest["class"].to_numpy(),
            "new_class": np.array(labels.classes, dtype=object)[numbers],
            "split": dataset.splits,
            "new_split": settle_splits(labels.numbers, dataset.splits),
            "excluded": ~known,
            "note": "",
        }
    )
    same = (table["class"] == table["new_class"]) & (table["split"] == table["new_split"])
    changes = table[~same | table["excluded"]].reset_index(drop=True)
    return make_version(workspace, dataset, changes, name=name, on_progress=on_progress)


def settle_splits(numbers: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return the splits (n,) with as few moves as give each class a train photo, and one to judge.

    Args:
        numbers: (n,) int class of each photo; below 0: it is in no class, and stays.
    """
    settled = splits.astype(object)
    for number in np.unique(numbers[numbers >= 0]):
        own = np.flatnonzero(numbers == number)
        if not (settled[own] == "train").any():
            settled[own[0]] = "train"
    known = numbers >= 0
    if not (known & (settled == "validation")).any():
        train = known & (settled == "train")
        counts = np.bincount(numbers[train])
        most = np.flatnonzero(train & (numbers == counts.argmax()))
        if len(most) > 1:
            settled[most[-1]] = "validation"
    return settled


def _score(labels: Labels, rows: np.ndarray, photos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes (c,) of labelled train photos, and scores (v, c) by their ridge.

    Empty where these are too few classes to tell apart, or no photo is asked.
    """
    learned = np.flatnonzero((labels.dataset.splits == "train") & (labels.numbers >= 0))
    known = labels.numbers[learned]
    told = np.unique(known)
    if len(told) < FEWEST_CLASSES or not len(photos):
        return np.empty(0, np.int64), np.empty((len(photos), 0))
    both = np.concatenate([known, np.full(len(photos), _UNKNOWN)])
    return told, score_photos(rows[np.concatenate([learned, photos])], both)[len(learned) :]
