"""Rankings of a run's photos, kept in memory: a page visit sorts nothing twice.

Photos are numbers in the dataset of the run in question; other runs are matched by identity.
"""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.evaluation.mistakes import (
    Answers,
    OwnRanking,
    SharedRanking,
    rank_photos,
    rank_shared,
    read_answers,
)
from core.runs.common_photos import find_common, match_results
from core.ui.parts import cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked:
    """What a ranking lists, and of how many photos."""

    photos: np.ndarray
    """(m,) int64 photo numbers, the first to look at first."""
    n: int
    """Photos it was taken from."""
    left_out: int = 0
    """Photos of the split that not all of the runs can be judged by."""


def answers(run_id: str) -> Answers:
    """Returns what a run says of all photos of its dataset."""
    return _answers(run_id, cache.result_key(run_id))


def rank_own(run_id: str, split: str, ranking: OwnRanking) -> Ranked:
    """Returns the photos of a split in the order of a ranking by the run alone."""
    return _rank_own(run_id, split, ranking, cache.result_key(run_id))


def rank_with_others(
    run_id: str, others: tuple[str, ...], split: str, ranking: SharedRanking
) -> Ranked:
    """Returns the photos of a split in the order of a ranking by several runs."""
    when = tuple(cache.result_key(run) for run in (run_id, *others))
    return _rank_with_others(run_id, others, split, ranking, when)


@st.cache_resource(max_entries=8, show_spinner=False)
def _answers(run_id: str, when: float) -> Answers:  # noqa: ARG001 (part of the key)
    result = cache.result(run_id)
    return read_answers(result.scores, result.labels)


@st.cache_resource(max_entries=32, show_spinner=False)
def _rank_own(run_id: str, split: str, ranking: OwnRanking, when: float) -> Ranked:  # noqa: ARG001
    result = cache.result(run_id)
    photos = result.photo_numbers(split)
    there = read_answers(result.scores[photos], result.labels[photos])
    return Ranked(photos=photos[rank_photos(ranking, there, result.paths[photos])], n=len(photos))


@st.cache_resource(max_entries=32, show_spinner="Comparing the answers of the runs …")
def _rank_with_others(
    run_id: str,
    others: tuple[str, ...],
    split: str,
    ranking: SharedRanking,
    when: tuple[float, ...],  # noqa: ARG001 (part of the key)
) -> Ranked:
    result, ours = cache.result(run_id), answers(run_id)
    in_split = result.photo_numbers(split)
    shared = np.isin(np.arange(len(result.paths)), in_split)
    wrong, true_scores = [ours.wrong], [ours.true_scores]
    for other_id in others:
        photos, wrong_there, scores_there = _answer_same_photos(run_id, other_id, split)
        shared &= np.isin(np.arange(len(shared)), photos)
        for rows, values in ((wrong, wrong_there), (true_scores, scores_there)):
            row = np.zeros(len(shared), dtype=values.dtype)
            row[photos] = values
            rows.append(row)
    photos = np.flatnonzero(shared)
    ranked = rank_shared(
        ranking, np.stack(wrong)[:, photos], np.stack(true_scores)[:, photos], result.paths[photos]
    )
    return Ranked(photos=photos[ranked], n=len(photos), left_out=len(in_split) - len(photos))


def _answer_same_photos(
    run_id: str, other_id: str, split: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns photos of the first run, whether the other is wrong on each, its true scores."""
    result, other = cache.result(run_id), cache.result(other_id)
    datasets = (cache.dataset(answer.dataset_id) for answer in (result, other))
    common = find_common(result, other, match_results(result, other, *datasets), split)
    true_scores = other.scores[common.photos_b, other.labels[common.photos_b]]
    return common.photos_a, common.predictions_b != common.labels, true_scores
