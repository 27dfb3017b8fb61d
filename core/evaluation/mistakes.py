"""Rankings of photos: mistakes and near-mistakes.

Scores are (n, k), labels (n,) int, paths (n,) str; rankings are rows (m,) int64, ties ordered by
path. A photo is wrong when its prediction (the highest score, the first one on ties) is not its
label.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, get_args

import numpy as np

from core.evaluation.metrics import check_scores

OwnRanking = Literal["highest-loss", "confidently-wrong", "barely-right", "least-sure"]
"""Rankings by one run."""
SharedRanking = Literal["wrong-in-every-run", "wrong-in-this-run-only"]
"""Rankings by several runs."""
Ranking = OwnRanking | SharedRanking | Literal["random"]
Sampled = Literal["all", "right", "wrong"]
"""Photos to draw a random sample from."""

OWN_RANKINGS: tuple[OwnRanking, ...] = get_args(OwnRanking)
SHARED_RANKINGS: tuple[SharedRanking, ...] = get_args(SharedRanking)
RANKINGS: tuple[Ranking, ...] = (*OWN_RANKINGS, *SHARED_RANKINGS)
SAMPLED: tuple[Sampled, ...] = get_args(Sampled)
_BLOCK = 65_536
"""Photos whose scores are copied at once."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers of a run, (n,) each."""

    predictions: np.ndarray
    """int64, the class of the highest score."""
    wrong: np.ndarray
    """bool."""
    top_scores: np.ndarray
    """Score of the predicted class."""
    true_scores: np.ndarray
    """Score of the true class."""
    margins: np.ndarray
    """Highest minus second highest score, in [0, 1]."""


def read_answers(scores: np.ndarray, labels: np.ndarray) -> Answers:
    """Return the answers of the scores.

    Raises:
        ValueError: A score is not finite, there are fewer than 2 classes, or shapes do not fit.
    """
    scores, labels = check_scores(scores, labels, max(2, np.shape(scores)[-1]))
    predictions, two = np.empty(len(scores), np.int64), np.empty((len(scores), 2), scores.dtype)
    for start in range(0, len(scores), _BLOCK):
        rows = slice(start, start + _BLOCK)
        predictions[rows] = scores[rows].argmax(axis=1)
        two[rows] = np.partition(scores[rows], -2, axis=1)[:, -2:]
    return Answers(
        predictions=predictions,
        wrong=predictions != labels,
        top_scores=two[:, 1],
        true_scores=np.take_along_axis(scores, labels[:, None], axis=1)[:, 0],
        margins=two[:, 1] - two[:, 0],
    )


def rank_photos(ranking: OwnRanking, answers: Answers, paths: np.ndarray) -> np.ndarray:
    """Return the rows of a ranking, (m,) int64.

    - highest-loss: wrong photos, the lowest score of the true class first.
    - confidently-wrong: wrong photos, the highest confidence first.
    - barely-right: correct photos, the smallest margin first.
    - least-sure: all photos, the lowest confidence first.
    """
    listed, order = {
        "highest-loss": (answers.wrong, answers.true_scores),
        "confidently-wrong": (answers.wrong, -answers.top_scores),
        "barely-right": (~answers.wrong, answers.margins),
        "least-sure": (np.ones(len(paths), dtype=bool), answers.top_scores),
    }[ranking]
    return _sort_rows(np.flatnonzero(listed), order, paths)


def draw_rows(sampled: Sampled, wrong: np.ndarray, paths: np.ndarray, seed: int) -> np.ndarray:
    """Return rows in random order (m,) int64, sorted by a digest of seed and path."""
    rows = np.flatnonzero({"all": np.ones_like(wrong), "right": ~wrong, "wrong": wrong}[sampled])
    texts = (f"{seed} {path}".encode(errors="surrogatepass") for path in paths[rows])
    drawn = np.array([blake2b(text, digest_size=16).hexdigest() for text in texts], dtype=str)
    return rows[np.argsort(drawn, kind="stable")]


def rank_shared(
    ranking: SharedRanking, wrong: np.ndarray, true_scores: np.ndarray, paths: np.ndarray
) -> np.ndarray:
    """Return the rows of a ranking by several runs, (m,) int64.

    - wrong-in-every-run: the lowest mean score of the true class first.
    - wrong-in-this-run-only: wrong in the first run and correct in all others; the highest mean
      score of the true class over the others first.

    Args:
        wrong: (r, n) bool of r >= 2 runs on the same photos.
        true_scores: (r, n) float.

    Raises:
        ValueError: There is only one run.
    """
    if len(wrong) < 2:
        raise ValueError("there is no other run to compare with")
    if ranking == "wrong-in-every-run":
        return _sort_rows(np.flatnonzero(wrong.all(axis=0)), true_scores.mean(axis=0), paths)
    alone = wrong[0] & ~wrong[1:].any(axis=0)
    return _sort_rows(np.flatnonzero(alone), -true_scores[1:].mean(axis=0), paths)


def _sort_rows(rows: np.ndarray, order: np.ndarray, paths: np.ndarray) -> np.ndarray:
    return rows[np.lexsort((paths[rows], order[rows]))]


def find_typical(features: np.ndarray, top: int) -> np.ndarray:
    """Return the rows of features (n, d) most similar to their mean direction, (m,) int64."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = features / np.where(lengths > 0, lengths, 1.0)
    nearness = directions @ directions.sum(axis=0)
    return np.argsort(-nearness, kind="stable")[:top]
