"""Everything that the mistakes page shows, read once: address and caches → one `MistakesPage`.

In the URL: `tab` (the ranking), `others` (runs to compare with), `of` and `seed` (of a sample),
`true` and `predicted` (classes), `review` (the photo under review). Photos are numbers in the
dataset of the run; photos of other runs are matched by identity.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import streamlit as st

from core.datasets.edits.tray import Edit, list_classes, list_edits
from core.evaluation.mistakes import (
    RANKINGS,
    SAMPLED,
    Answers,
    OwnRanking,
    Ranking,
    Sampled,
    SharedRanking,
    draw_rows,
    rank_photos,
    rank_shared,
    read_answers,
)
from core.prediction.nearest import NearestPhotos, find_nearest_training
from core.runs.common_photos import find_common
from core.runs.store import RunRecord, list_runs
from core.ui.parts import cache
from core.ui.parts.state import (
    choose_from,
    choose_number,
    choose_several,
    is_linked,
    keep_choice,
    read_choice,
    refuse_link,
    settle_choice,
)
from core.ui.photos.tray import describe_edits
from data.dataset import Dataset
from data.manifest import list_lineage

REVIEW = "review"
"""Name in the URL of the photo under review."""
MOST_OTHERS, _USUAL_OTHERS = 6, 3
SEEDS = 1_000_000
ENDLESS = {"barely-right": 300, "least-sure": 300, "random": 60}
"""Rankings of all photos → the number of photos to list."""
TABS: tuple[Ranking, ...] = (*RANKINGS, "random")


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked:
    """The photos of a ranking."""

    photos: np.ndarray
    """(m,) int64 photo numbers in order."""
    n: int
    """Ranked photos."""
    left_out: int = 0
    """Photos of the split that not all runs have answered."""


def _name_runs(page: "MistakesPage", *_of: object) -> Hashable:
    """Return the runs that a page compares, and when their results were written."""
    return cache.page_key(page), [(one.id, cache.result_key(one.id)) for one in page.others]


@dataclass(frozen=True, kw_only=True, eq=False)
class MistakesPage(cache.RunPage):
    """The photos of a split in the order of a ranking, by the answers of a run."""

    ranking: Ranking
    known: Mapping[str, RunRecord]
    """Other finished runs on any version of the dataset."""
    others: Sequence[RunRecord]
    """The runs to compare with."""
    chosen: Mapping[str, int | None]
    """Numbers of the true and of the predicted class to list."""
    sampled: Sampled = "all"
    seed: int = 1

    @property
    def needs_others(self) -> bool:
        """Whether the ranking compares several runs."""
        return self.ranking in ("wrong-in-every-run", "wrong-in-this-run-only")

    @cached_property
    def ranked(self) -> Ranked:
        """The ranked photos of all classes."""
        ranking = self.ranking
        if ranking == "wrong-in-every-run" or ranking == "wrong-in-this-run-only":
            return self._rank_shared(ranking)
        if ranking == "random":
            return self._rank_sample(self.sampled, self.seed)
        return self._rank_own(ranking)

    @cached_property
    @cache.cached_by(cache.run_key, most=8)
    def answers(self) -> Answers:
        """The answers of the run to all photos."""
        return read_answers(self.result.scores, self.result.labels)

    @cache.cached_by(cache.page_key, most=32)
    def _rank_own(self, ranking: OwnRanking) -> Ranked:
        result, photos = self.result, self.result.photo_numbers(self.split)
        there = read_answers(result.scores[photos], result.labels[photos])
        rows = rank_photos(ranking, there, result.paths[photos])
        return Ranked(photos=photos[rows], n=len(photos))

    @cache.cached_by(cache.page_key, most=32)
    def _rank_sample(self, sampled: Sampled, seed: int) -> Ranked:
        photos = self.result.photo_numbers(self.split)
        rows = draw_rows(sampled, self.answers.wrong[photos], self.result.paths[photos], seed)
        return Ranked(photos=photos[rows], n=len(photos))

    @cache.cached_by(_name_runs, most=32, wait="Comparing the runs …")
    def _rank_shared(self, ranking: SharedRanking) -> Ranked:
        result, ours = self.result, self.answers
        in_split = result.photo_numbers(self.split)
        shared = np.isin(np.arange(len(result.paths)), in_split)
        wrong, true_scores = [ours.wrong], [ours.true_scores]
        for one in self.others:
            other = cache.result(one.id)
            common = find_common(result, other, self.split, cache.dataset)
            photos = common.photos_a
            scores = other.scores[common.photos_b, other.labels[common.photos_b]]
            shared &= np.isin(np.arange(len(shared)), photos)
            wrong_there = common.predictions_b != common.labels
            for rows, values in ((wrong, wrong_there), (true_scores, scores)):
                row = np.zeros(len(shared), dtype=values.dtype)
                row[photos] = values
                rows.append(row)
        photos = np.flatnonzero(shared)
        both = np.stack(wrong)[:, photos], np.stack(true_scores)[:, photos]
        ranked = rank_shared(ranking, *both, result.paths[photos])
        return Ranked(photos=photos[ranked], n=len(photos), left_out=len(in_split) - len(photos))

    @cached_property
    def columns(self) -> Mapping[str, np.ndarray]:
        """True and predicted class of each ranked photo, (m,) int each."""
        photos = self.ranked.photos
        return {"true": self.result.labels[photos], "predicted": self.answers.predictions[photos]}

    @cached_property
    def matching(self) -> np.ndarray:
        """(m,) int, the ranked photos of the chosen classes."""
        kept = np.ones(len(self.ranked.photos), dtype=bool)
        for name, values in self.columns.items():
            if self.chosen[name] is not None:
                kept &= values == self.chosen[name]
        return np.asarray(self.ranked.photos[kept])

    @cached_property
    def photos(self) -> np.ndarray:
        """(m,) int, the listed photos: a ranking of all photos is cut."""
        return self.matching[: ENDLESS.get(self.ranking)]

    def find_place(self) -> int:
        """Return the place in the list of the photo in the URL; 0 when it is not listed."""
        stated = read_choice(REVIEW) or ""
        places = [str(photo) for photo in self.photos.tolist()]
        if stated and stated not in places and is_linked(REVIEW):
            refuse_link("Its photo is not in this list.", REVIEW)
        return places.index(stated) if stated in places else 0

    @cache.cached_by(cache.run_key, most=512)
    def find_nearest(self, photo: int, class_number: int, most: int) -> NearestPhotos:
        """Return the training photos of a class nearest to a photo.

        Raises:
            FeaturesMissing: The features of the run were deleted.
        """
        home = cache.workspace()
        found = find_nearest_training(home, self.result, photo, [class_number], most)
        return NearestPhotos(*(np.asarray(values) for values in found[class_number]))


def read_mistakes(run: RunRecord, split: str) -> MistakesPage:
    """Read what the page shows of a run on a split."""
    classes, known = cache.result(run.id).classes, _list_others(run)
    ranking = TABS[TABS.index(settle_choice("tab", TABS, TABS[0]))]
    stated = {name: choose_from(name, classes, None) for name in ("true", "predicted")}
    page = MistakesPage(
        run=run,
        split=split,
        ranking=ranking,
        known=known,
        others=[],
        chosen={name: None if one is None else classes.index(one) for name, one in stated.items()},
    )
    if ranking == "random":
        sampled = SAMPLED[SAMPLED.index(settle_choice("of", SAMPLED, SAMPLED[0]))]
        seed = choose_number("seed", SEEDS, 1) or 1
        keep_choice("seed", str(seed))
        return replace(page, sampled=sampled, seed=seed)
    return replace(page, others=_read_others(run, known)) if page.needs_others else page


def is_reviewing() -> bool:
    """Return whether photos are reviewed one by one: the URL names a photo."""
    return bool(read_choice(REVIEW))


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The tray, read once for each photo under review."""

    last: Edit | None
    """The last edit; `u` undoes its batch."""
    classes: list[str]
    """Classes for relabelling."""
    words: dict[int, str]
    """Photo number → its edit in words."""
    edits: int


def read_waiting(dataset: Dataset) -> Waiting:
    """Read the tray of a dataset."""
    edits = list_edits(cache.workspace(), dataset.id)
    return Waiting(
        last=edits[-1] if edits else None,
        classes=list_classes(cache.workspace(), dataset),
        words=describe_edits(dataset, edits),
        edits=len(edits),
    )


def _list_others(run: RunRecord) -> dict[str, RunRecord]:
    """Return the other finished runs on any version of the run's dataset."""
    family = {entry.id for entry in list_lineage(cache.workspace(), run.recipe.dataset)}
    return {
        other.id: other
        for other in list_runs(cache.workspace())
        if other.state == "done" and other.id != run.id and other.recipe.dataset in family
    }


def _read_others(run: RunRecord, known: Mapping[str, RunRecord]) -> list[RunRecord]:
    """Read the runs to compare with: from the picker, the link, else the newest ones."""
    kept = st.session_state.get(f"mistakes.others.{run.id}")
    same = [one.id for one in known.values() if one.recipe.dataset == run.recipe.dataset]
    stated = choose_several("others", known)
    chosen = (stated or same or list(known))[: MOST_OTHERS if stated else _USUAL_OTHERS]
    if kept is not None:  # one of them may have been deleted since
        chosen = [one for one in kept if one in known]
    if known:
        keep_choice("others", ",".join(chosen) or None)
    return [known[one] for one in chosen]
