"""Trials of a model of another program on training photos: what it expects, what its outputs mean.

The ways of preprocessing, of making photos square and of ordering the outputs are tried; the best
of each is proposed, with photos that it gets wrong.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from core.config import Fit, Framing
from core.errors import ModelRefused
from core.formats import count, percent
from core.runs.jobs import Report
from core.runs.output_orders import CLEARLY, Order, Origin, Share, arrange, judge_orders, pick_order
from data.dataset import Dataset
from data.prediction_columns import fold_class
from data.sources.names import list_names
from models.backbone import COLOURS, Preprocessing, offered_precisions
from models.graph import CONVENTIONS, Ending, find_ending, preprocess, run_network, to_scores
from models.opening import Opened, open_model

FRAMINGS: Mapping[Fit, str] = {"crop": "centre crop", "squeeze": "squeezed"}
PHOTOS, PROBES = 300, 32
_FIRST, _SECOND, _SHOWN = 60, 100, 7  # photos for preprocessing and framing, mistakes
_CONVINCING = 0.5
"""Accuracy from which an order alone shows what outputs without names are."""

ORIGINS: Mapping[Origin, str] = {
    "names": "the names in the file",
    "alphabetical": "the alphabet (1, 10, 2)",
    "natural": "numbers (1, 2, 10)",
    "found": "the photos",
}
"""Where an order of the outputs comes from, in words."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a model is used."""

    preprocessing: Preprocessing
    framing: Fit
    outputs: tuple[int, ...]
    """For each class of the dataset the number of its output, or -1 for none."""
    ending: Ending


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What was tried, and the best of it."""

    outputs: int
    """Number of the model's outputs; a single one counts as two."""
    names: tuple[str, ...]
    """Their names in the file beside the model; none: unknown."""
    colours: Mapping[Preprocessing, Share]
    framings: Mapping[Fit, Share]
    orders: Mapping[Origin, Order]
    preprocessing: Preprocessing
    framing: Fit
    order: Origin
    """The proposed ones."""
    ending: Ending
    mistakes: tuple[tuple[int, int], ...]
    """Some photos with a wrong answer, the most confident first: their numbers and classes."""

    def choose(
        self,
        preprocessing: Preprocessing | None = None,
        framing: Fit | None = None,
        order: Origin | None = None,
    ) -> Choice:
        """Return the proposed choice, with other parts where they are given.

        Raises:
            ModelRefused: The model has no such order.
        """
        if (order or self.order) not in self.orders:
            raise ModelRefused(
                f"The outputs have no order “{order}”.", f"Choose from: {', '.join(self.orders)}."
            )
        return Choice(
            preprocessing=preprocessing or self.preprocessing,
            framing=framing or self.framing,
            outputs=self.orders[order or self.order].outputs,
            ending=self.ending,
        )

    def list_ways(self) -> dict[str, dict[str, str]]:
        """Return what was tried for each part of a choice: the ways in words, with accuracies."""
        orders = {origin: order.share for origin, order in self.orders.items()}
        tried: dict[str, tuple[Mapping[Any, str], Mapping[Any, Share]]] = {
            "preprocessing": (COLOURS, self.colours),
            "framing": (FRAMINGS, self.framings),
            "order": (ORIGINS, orders),
        }
        return {
            part: {way: f"{words[way]}: {say(share)}" for way, share in shares.items()}
            for part, (words, shares) in tried.items()
        }

    def describe(self) -> tuple[str, ...]:
        """Return what was tried, a sentence for each part."""
        return tuple(
            f"Accuracy by {part}, n = {n:,}: {', '.join(ways.values())}."
            for n, (part, ways) in zip(self.count_photos(), self.list_ways().items(), strict=True)
        )

    def count_photos(self) -> tuple[int, int, int]:
        """Return the photos tried for preprocessing, for framing and for the order."""
        colours, framings = self.colours[self.preprocessing], self.framings[self.framing]
        return colours.photos, framings.photos, self.orders[self.order].share.photos

    def explain_order(self, outputs: Sequence[int], classes: Sequence[str]) -> tuple[str, ...]:
        """Return sentences on an order that was found, and on outputs or classes without each."""
        unused = [one for one in range(self.outputs) if one not in outputs]
        without = [name for name, output in zip(classes, outputs, strict=True) if output < 0]
        named = [self.names[one] if one < len(self.names) else f"number {one}" for one in unused]
        given = next((ORIGINS[one] for one in self.orders if one != "found"), "")
        is_found = self.order == "found" and outputs == self.orders["found"].outputs
        said = {
            f"The order found on the photos fits far better than {given}.": given and is_found,
            f"Unused outputs: {list_names(named)}.": unused,
            f"Classes without an output (score 0): {list_names(without)}.": without,
        }
        return tuple(sentence for sentence, is_so in said.items() if is_so)


def read_proposal(content: Mapping[str, Any]) -> Proposal:
    """Return the proposal of `dataclasses.asdict`, also after JSON."""
    return TypeAdapter(Proposal).validate_python(content)


def say(share: Share) -> str:
    """Return the accuracy in words."""
    return percent(share.accuracy, share.photos)


def try_model(
    file: Path, folder: Path, dataset: Dataset, report: Report = lambda *_: None
) -> tuple[Opened, Proposal]:
    """Return the opened model of a file, folder or zip, and what is proposed for it.

    Args:
        folder: An empty folder, which keeps the opened model.

    Raises:
        ModelRefused: It cannot be opened, or its outputs cannot be matched with the classes.
    """
    report("opening the model", 0, 0)
    opened = open_model(file, folder)
    return opened, _Trial(opened, dataset, report).propose()


def choose_photos(dataset: Dataset) -> np.ndarray:
    """Return up to 300 training photos, the classes in turn, (m,) int; without them any photos."""
    numbers = np.flatnonzero(dataset.splits == "train")
    numbers = numbers if len(numbers) else np.arange(len(dataset))
    drawn = pd.Series(np.random.default_rng(0).permutation(numbers))
    turns = drawn.groupby(dataset.labels[drawn]).cumcount()
    chosen: np.ndarray = drawn.to_numpy()[np.argsort(turns, kind="stable")[:PHOTOS]]
    return chosen


class _Trial:
    """The trials of one model on some photos of a dataset."""

    def __init__(self, opened: Opened, dataset: Dataset, report: Report) -> None:
        self._opened, self._dataset, self._report = opened, dataset, report
        self._numbers = choose_photos(dataset)
        self._graph = opened.read_graph()
        self._raw: defaultdict[tuple[Preprocessing, Fit], list[np.ndarray]] = defaultdict(list)
        plain = self._compute_raw("plain", "crop", _FIRST)
        self._ending = find_ending(self._graph, plain)
        self._outputs = max(plain.shape[1], 2)
        self._given = self._list_given()

    def propose(self) -> Proposal:
        """Return the best of everything.

        Raises:
            ModelRefused: The outputs cannot be matched with the classes.
        """
        colours, ranks = {}, {}
        for done, one in enumerate(CONVENTIONS):
            self._report("trying ways of preprocessing", done, len(CONVENTIONS))
            origin, best = pick_order(self._judge(self._score(one, "crop", _FIRST)))
            colours[one] = best.share
            # Another order can make up for wrong colours where classes differ in colour alone.
            moved = origin == "found" and bool(self._given)
            ranks[one] = (best.share.accuracy - CLEARLY * moved, best.share.log_score)
        preprocessing = max(ranks, key=ranks.__getitem__)
        framings = {}
        for done, how in enumerate(FRAMINGS):
            self._report("trying whole photos", done, len(FRAMINGS))
            orders = self._judge(self._score(preprocessing, how, _SECOND))
            framings[how] = pick_order(orders)[1].share
        framing = max(framings, key=lambda how: framings[how].log_score)
        self._report("looking for mistakes", 0, 0)
        scores = self._score(preprocessing, framing, PHOTOS)
        orders = self._judge(scores)
        order, best = pick_order(orders)
        if not self._given and best.share.accuracy < _CONVINCING:
            raise ModelRefused(
                f"The model has {count(self._outputs, 'output')} without names, the dataset "
                f"{count(len(self._dataset.classes), 'class')}, and no order of them fits: at most "
                f"{say(best.share)} of {count(best.share.photos, 'training photo')} are right.",
                "Put labels.txt beside the model, with the name of an output in each line; or "
                "choose another dataset.",
            )
        return Proposal(
            outputs=self._outputs,
            names=self._opened.names,
            colours=colours,
            framings=framings,
            orders=orders,
            preprocessing=preprocessing,
            framing=framing,
            order=order,
            ending=self._ending,
            mistakes=self._list_mistakes(arrange(scores, best.outputs)),
        )

    def _list_mistakes(self, scores: np.ndarray) -> tuple[tuple[int, int], ...]:
        """Return some wrong answers of the scores (m, c), see `Proposal.mistakes`."""
        answers, labels = scores.argmax(axis=1), self._dataset.labels[self._numbers]
        wrong = np.flatnonzero(answers != labels)
        worst = wrong[np.argsort(-scores[wrong].max(axis=1), kind="stable")[:_SHOWN]]
        return tuple(zip(self._numbers[worst].tolist(), answers[worst].tolist(), strict=True))

    def _read(self, how: Fit, rows: slice) -> np.ndarray:
        """Return some of the photos (m, 224, 224, 3) uint8, made square in this way."""
        framing, numbers = Framing(how=how), self._numbers[rows]
        if framing.is_packed:
            return np.asarray(self._dataset.photos[numbers])
        return np.stack([self._dataset.read_photo(one, framing) for one in numbers])

    def _compute_raw(self, convention: Preprocessing, how: Fit, photos: int) -> np.ndarray:
        """Return the outputs of up to so many photos, of which only new ones are computed."""
        rows = self._raw[convention, how]
        if len(rows) < min(photos, len(self._numbers)):
            graph = preprocess(self._graph, self._opened.entry, convention)
            packed = self._read(how, slice(len(rows), photos))
            rows.extend(run_network(graph, packed, offered_precisions()[0]))
        return np.stack(rows[:photos])

    def _score(self, convention: Preprocessing, how: Fit, photos: int) -> np.ndarray:
        """Return the scores of all outputs (m, k)."""
        return to_scores(self._compute_raw(convention, how, photos), self._ending)

    def _judge(self, scores: np.ndarray) -> dict[Origin, Order]:
        labels = self._dataset.labels[self._numbers[: len(scores)]]
        return judge_orders(scores, labels, self._given, len(self._dataset.classes))

    def _list_given(self) -> dict[Origin, tuple[int, ...]]:
        """Return the orders that names or the usual sorting give."""
        classes = self._dataset.classes
        folded = [fold_class(name) for name in self._opened.names]
        named = tuple(
            folded.index(fold_class(name)) if fold_class(name) in folded else -1 for name in classes
        )
        if len(folded) == self._outputs and max(named) >= 0:
            return {"names": named}
        if self._outputs != len(classes):
            return {}
        ranks = {name: rank for rank, name in enumerate(sorted(classes))}
        alphabetical, natural = tuple(map(ranks.__getitem__, classes)), tuple(range(self._outputs))
        both: dict[Origin, tuple[int, ...]] = {"alphabetical": alphabetical}
        return both if alphabetical == natural else both | {"natural": natural}
