"""Read a comparison of runs once: the address and the caches → one `ComparisonPage`.

In the URL: `compare` (the runs, the baseline first), `split`, `beside` (the run in detail) and `of`
(a class). Each run is compared with the baseline on the photos of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from core.errors import PetalscopeError
from core.evaluation.comparison import (
    Comparison,
    adjust_holm,
    compare_predictions,
    find_holm_factors,
)
from core.formats import plain
from core.runs.common_photos import CommonPhotos, find_common
from core.runs.run_files import curve
from core.runs.store import Repeats, RunRecord, fold_repeats, list_runs
from core.ui.parts import cache
from core.ui.parts.pickers import title_run
from core.ui.parts.state import choose_from, choose_several, read_choice
from data.dataset import Dataset
from data.splits import SPLITS

MOST_RUNS = 24
"""Most runs in one comparison."""


@dataclass(frozen=True, kw_only=True)
class RunCurve:
    """The epochs of a run, as in its events."""

    name: str
    epochs: Sequence[Mapping[str, Any]]
    best_epoch: int | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A run and the baseline, on the photos of both."""

    baseline: RunRecord
    run: RunRecord
    common: CommonPhotos
    comparison: Comparison
    repeats: Sequence[Repeats]
    """Recipes with several seeds."""
    same_features: bool = False
    """Whether both runs use the same features."""

    @property
    def kinds(self) -> dict[str, np.ndarray]:
        """(m,) bool each: photos gained, lost and wrong in both."""
        right_a = self.common.predictions_a == self.common.labels
        right_b = self.common.predictions_b == self.common.labels
        gained, lost = right_b & ~right_a, right_a & ~right_b
        return {"gained": gained, "lost": lost, "wrong": ~right_a & ~right_b}


@dataclass(frozen=True, kw_only=True)
class ComparisonPage:
    """Two or more runs, the baseline first."""

    stated: bool
    """Whether the link names runs to compare."""
    runs: Sequence[RunRecord]
    left_out: int
    """Runs of the link beyond MOST_RUNS."""
    splits: Sequence[str]
    """Splits of the first finished run; empty for fewer than two finished runs."""
    split: str
    beside: str
    of: str

    @property
    def done(self) -> list[RunRecord]:
        """The finished runs."""
        return [run for run in self.runs if run.state == "done"]

    @property
    def compares_photos(self) -> bool:
        """Whether the baseline and another run are finished."""
        return len(self.done) > 1 and self.runs[0] == self.done[0]

    @cached_property
    def curves(self) -> list[RunCurve]:
        """The validation curves so far, of the runs that were trained here."""
        return [
            RunCurve(
                name=escape(title_run(run), quote=False),  # Plotly reads HTML
                epochs=curve(cache.event_tail(run.id).read()),
                best_epoch=run.best_epoch,
            )
            for run in self.runs
            if not run.recipe.is_added
        ]

    @cached_property
    def answers(self) -> tuple[dict[str, Compared], list[str]]:
        """The comparison of each finished run, by id; and the errors of the others."""
        compared, problems = {}, []
        for run in self.done[1:]:
            try:
                compared[run.id] = compare_runs(self.runs[0], run, self.split)
            except PetalscopeError as error:  # missing files of one run must not hide the others
                problems.append(f"{plain(title_run(run))}: {plain(error.problem)}")
        factors = find_holm_factors([one.comparison.p_value for one in compared.values()])
        for (name, one), factor in zip(list(compared.items()), factors, strict=True):
            own = replace(one.comparison, factor=int(factor))
            compared[name] = replace(one, comparison=own)
        return compared, problems

    @cached_property
    def p_values(self) -> Mapping[str, float]:
        """The p-value of each run, adjusted for their number (Holm)."""
        compared, _ = self.answers
        adjusted = adjust_holm([one.comparison.p_value for one in compared.values()])
        return {run: float(p) for run, p in zip(compared, adjusted, strict=True)}

    @property
    def looked_at(self) -> Compared:
        """The run in detail."""
        compared, _ = self.answers
        return compared.get(self.beside) or next(iter(compared.values()))

    def read_dataset(self) -> Dataset:
        """Return the dataset of the run in detail."""
        return cache.dataset(self.looked_at.run.recipe.dataset)


def read_comparison() -> ComparisonPage:
    """Read the runs and the choices of the URL."""
    known = {run.id: run for run in list_runs(cache.workspace())}
    runs = [known[one] for one in choose_several("compare", known)]
    done = [run for run in runs[:MOST_RUNS] if run.state == "done"]
    present: list[str] = []
    if len(done) > 1:
        splits = cache.result(done[0].id).splits
        present = [split for split in SPLITS if (splits == split).any()]
    usual = "validation" if "validation" in present else "".join(present[:1])
    return ComparisonPage(
        stated=read_choice("compare") is not None,
        runs=runs[:MOST_RUNS],
        left_out=max(0, len(runs) - MOST_RUNS),
        splits=present,
        split=choose_from("split", present, usual) if done[1:] else usual,
        beside=choose_from("beside", [run.id for run in done[1:]], ""),
        of=read_choice("of") or "",
    )


def compare_runs(baseline: RunRecord, run: RunRecord, split: str) -> Compared:
    """Return the comparison of a run with the baseline on the photos of a split."""
    common, comparison = _compare(baseline.id, run.id, split)
    folded = fold_repeats(list_runs(cache.workspace()))
    return Compared(
        baseline=baseline,
        run=run,
        common=common,
        comparison=comparison,
        repeats=[one for one in folded if len(one.measured) > 1],
        same_features=cache.result(baseline.id).features_id == cache.result(run.id).features_id,
    )


def _results_written(baseline: str, run: str, _split: str) -> tuple[float, float]:
    return cache.result_key(baseline), cache.result_key(run)


@cache.cached_by(_results_written, most=64, wait="Comparing …")
def _compare(baseline: str, run: str, split: str) -> tuple[CommonPhotos, Comparison]:
    common = find_common(cache.result(baseline), cache.result(run), split, cache.dataset)
    return common, compare_predictions(*common.answers)
