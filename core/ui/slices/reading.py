"""Read the page Slices once: the address and the caches → one `SlicesPage`.

In the URL: `by` (the view) and `slice` (a rule).
"""

from dataclasses import dataclass

import numpy as np

from core.datasets.quality.slicing import SliceStudy, study_slices
from core.evaluation.slices import Rule, read_rule
from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.ui.parts import cache
from core.ui.parts.state import read_choice
from data.dataset import Dataset

VIEWS = {
    "properties": "By property",
    "worst": "Worst slices",
    "shortcuts": "Shortcuts",
}


@dataclass(frozen=True, kw_only=True)
class SlicesPage:
    """The slices of a run on a split, and the chosen one."""

    run: RunRecord
    dataset: Dataset
    result: RunResult
    study: SliceStudy
    view: str
    stated: str
    """The slice of the link, or ""."""
    rule: Rule | None
    """The same as a rule; None where this dataset does not have it."""

    def order_photos(self, photos: np.ndarray) -> np.ndarray:
        """Return the photos, wrong ones first, then by confidence."""
        scores = self.result.scores[photos]
        answers = scores.argmax(axis=1)
        wrong = answers != self.result.labels[photos]
        order = np.lexsort((-scores[np.arange(len(photos)), answers], ~wrong))
        return np.asarray(photos[order])


def read_slices(run: RunRecord, split: str) -> SlicesPage:
    """Read what the page shows of a run on a split."""
    study = _study(run.id, split)
    view, stated = read_choice("by") or "", read_choice("slice") or ""
    return SlicesPage(
        run=run,
        dataset=cache.dataset(run.recipe.dataset),
        result=cache.result(run.id),
        study=study,
        view=view if view in VIEWS else next(iter(VIEWS)),
        stated=stated,
        rule=read_rule(stated, study.properties) if stated else None,
    )


def _stamp(run_id: str, _split: str) -> tuple[float, str]:
    """Return the time of the result and the id of the quality analysis."""
    quality = cache.quality(cache.result(run_id).dataset_id)
    return cache.result_key(run_id), quality.id if quality else ""


@cache.cached_by(_stamp, most=8, wait="Searching for slices …")
def _study(run_id: str, split: str) -> SliceStudy:
    result = cache.result(run_id)
    dataset = cache.dataset(result.dataset_id)
    return study_slices(dataset, result, split, cache.quality(dataset.id))
