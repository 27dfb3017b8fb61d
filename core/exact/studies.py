"""Studies of an exact head beside a run: made by a job, kept as tables.

A study is a function of the head, its dataset and options that returns tables. Validation photos
judge; test photos are in none of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import linalg
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from core.config import fingerprint
from core.datasets.quality.results import (
    has_result,
    read_facts,
    read_table,
    start_analysis,
    write_result,
)
from core.datasets.quality.store import read_quality
from core.errors import FeaturesMissing
from core.evaluation.comparison import count_changes
from core.exact.erasing import erase_property, read_values
from core.exact.store import MODULE, HeadSource, find_run_source, prepare_head
from core.instant.class_costs import drop_class, merge_classes
from core.instant.head import ExactHead, one_hot
from core.runs.jobs import Tell
from core.runs.result import RunResult, read_result
from core.workspace import Workspace
from data.duplicates import number_groups
from data.manifest import read_dataset

DEALS, FEWEST = 200, 20
_BUDGET = 2e13
"""Floating point operations that the deals may cost; where they cost more, there are fewer."""


def deal_again(
    labels: np.ndarray, held: np.ndarray, groups: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return which photos a new split holds out, (p,) bool: of each class about as many.

    Args:
        held: (p,) bool, those that the split of now holds out.
        groups: (p,) int; photos of an equal value stay together, under the class of the first.
    """
    _, first, group_of = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(group_of)
    taken = np.zeros(len(first), dtype=bool)
    for label in np.unique(labels):
        quota = int((held & (labels == label)).sum())
        members = rng.permutation(np.flatnonzero(labels[first] == label))
        taken[members[np.cumsum(sizes[members]) <= quota]] = True
    return np.asarray(taken[group_of])


def measure_deals(
    head: ExactHead, held: np.ndarray, groups: np.ndarray, tell: Callable[[int, int], object]
) -> np.ndarray:
    """Return the accuracy of each new split on the photos it holds out, (s,) float.

    Args:
        held: (v,) int, the photos that it holds out; not among its training photos.
    """
    pool = np.sort(np.concatenate([head.train, held]))
    labels, is_held = head.labels[pool], np.isin(pool, held)
    spread, outputs = _fit_pool(head, pool)
    deals = _afford(len(held), spread.shape[1])
    found = np.full(deals, np.nan)
    for number in range(deals):
        out = deal_again(labels, is_held, groups[pool], np.random.default_rng(number))
        if out.any():
            answers = hold_out(spread[out], labels[out], outputs[out]).argmax(axis=1)
            found[number] = (answers == labels[out]).mean()
        tell(number + 1, deals)
    return np.asarray(found[~np.isnan(found)])


def hold_out(spread: np.ndarray, labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Return the outputs (v, k) for photos of the pool by the head fitted without them.

    By the smaller side: photos among themselves, or features.

    Args:
        spread: (v, r): XL⁻ᵀ of these photos, where LLᵀ = A + λI of the pool.
        labels: (v,) int.
        outputs: (v, k) of the head fitted on all of the pool.
    """
    z = np.asarray(spread, np.float64)
    targets = one_hot(labels, outputs.shape[1])
    residuals = targets - outputs
    if len(z) <= z.shape[1]:
        inside = np.eye(len(z)) - z @ z.T
        apart = linalg.solve(inside, residuals, assume_a="sym")
    else:
        inside = np.eye(z.shape[1]) - z.T @ z
        apart = residuals + z @ linalg.solve(inside, z.T @ residuals, assume_a="sym")
    return np.asarray(targets - apart)


def _fit_pool(head: ExactHead, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return XL⁻ᵀ (p, r) of the pool, and its outputs (p, k) by the head fitted on all of it."""
    held = head.rows[np.setdiff1d(pool, head.train)].astype(np.float64)
    gram = held.T @ held + np.diag(head.eigenvalues + head.ridge)
    lower = linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
    rows = np.asarray(head.rows[pool], np.float64)
    spread = linalg.solve_triangular(lower, rows.T, lower=True, check_finite=False).T
    targets = one_hot(head.labels[pool], head.n_classes)
    return spread, spread @ (spread.T @ targets)


def _afford(held: int, width: int) -> int:
    """Return how many deals the budget allows for."""
    small, large = sorted((held, width))
    cost = 2.0 * small**2 * large + small**3
    return int(np.clip(_BUDGET / max(cost, 1.0), FEWEST, DEALS))


VERSION = 1
Tables = dict[str, pd.DataFrame]
Options = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """What is asked of the exact head beside a run."""

    source: HeadSource
    judges: np.ndarray
    """(v,) int64: the run's validation photos."""
    kind: str
    """A key of STUDIES."""
    options: Options

    @cached_property
    def id(self) -> str:
        """Head, judging photos and options decide."""
        facts = {"kind": self.kind, "version": VERSION, "head": self.source.id}
        asked = {"judges": self.judges.tolist(), "options": dict(self.options)}
        return fingerprint(facts | asked)


def find_study(
    workspace: Workspace, run_id: str, result: RunResult, kind: str, **options: Any
) -> Study:
    """Return the study of a run.

    Raises:
        FeaturesMissing: The run's features were removed, or none of its photos is in validation.
    """
    dataset = read_dataset(workspace, result.dataset_id)
    judges = result.photo_numbers("validation")
    if not len(judges):
        raise FeaturesMissing(
            "This run has no validation photos: none can judge.",
            "Train a run with validation photos.",
        )
    source = find_run_source(workspace, dataset, run_id, result)
    return Study(source=source, judges=judges, kind=kind, options=options)


def start_study(workspace: Workspace, study: Study) -> None:
    """Start the job that makes a study, unless it is there or going."""
    asked = {"kind": study.kind, "run": study.source.run, "options": dict(study.options)}
    start_analysis(workspace, study.id, MODULE, asked | {"dataset": study.source.dataset.id})


def read_study(workspace: Workspace, study_id: str) -> Tables | None:
    """Return the tables of a study by name; None while it is not made."""
    facts = read_facts(workspace, study_id)
    if facts is None:
        return None
    return {name: read_table(facts, name) for name in facts.rest["tables"]}


def make_study(workspace: Workspace, study: Study, tell: Tell) -> None:
    """Make a study and keep it, unless it is kept."""
    if has_result(workspace, study.id):
        return
    tell("preparing the exact head", 0, 0)
    head = prepare_head(workspace, study.source)
    tables = STUDIES[study.kind](workspace, head, study, tell)
    facts = study.source.describe(study.id, study.kind, tables=list(tables))
    write_result(workspace, facts, tables=tables)


def study_class_costs(_: Workspace, head: ExactHead, study: Study, tell: Tell) -> Tables:
    """Return `drops` and `merges`: what the others gain where a class goes or two become one.

    Both: n, before, gained, lost (photos). Drops: class, and with `most` the class that gains most
    and by how many photos (`most_by`). Merges, best first: one and other (class numbers, joined by
    spaces) and left (classes after it).
    """
    drops = []
    for place in range(head.n_classes):
        tell("taking each class away", place, head.n_classes)
        found = drop_class(head, place, study.judges)
        change = found.after.astype(np.int64) - found.before
        by_class = np.bincount(found.labels, weights=change, minlength=head.n_classes)
        most = {"most": int(by_class.argmax()), "most_by": int(by_class.max())}
        drops.append({"class": place, **count_changes(found.before, found.after), **most})
    merges: list[dict[str, Any]] = []
    tell("merging classes", 0, 0)
    for merge in merge_classes(head, study.judges):
        one, other = (" ".join(map(str, group)) for group in (merge.one, merge.other))
        left = head.n_classes - len(merges) - 1
        counts = count_changes(merge.judged.before, merge.judged.after)
        merges.append({"one": one, "other": other, "left": left, **counts})
    columns = ["one", "other", "left", "n", "before", "gained", "lost"]
    return {"drops": pd.DataFrame(drops), "merges": pd.DataFrame(merges, columns=columns)}


def study_split_luck(workspace: Workspace, head: ExactHead, study: Study, tell: Tell) -> Tables:
    """Return `deals`: way (naive, or aware: copies stay together) and accuracy of each new split.

    `now` is one row: accuracy of the head on the split of now, n and copies (photos of the pool
    that have one). Option `quality` names the analysis that knows copies; "" where there is none.
    """
    n = len(head.rows)
    ways = {"naive": np.arange(n)}
    copies = 0
    named = study.options["quality"]
    quality = read_quality(workspace, study.source.dataset.id, identifier=named) if named else None
    if quality is not None:
        ways["aware"] = number_groups(quality.pairs, n)
        pool = np.concatenate([head.train, study.judges])
        copies = int((np.bincount(ways["aware"])[ways["aware"][pool]] > 1).sum())
    deals = []
    for way, groups in ways.items():
        tell_deals = partial(tell, f"dealing {way} splits")
        with threadpool_limits(1, user_api="blas"):  # many small products: threads would wait
            found = measure_deals(head, study.judges, groups, tell_deals)
        deals.append(pd.DataFrame({"way": way, "accuracy": found}))
    right = head.outputs[study.judges].argmax(axis=1) == head.labels[study.judges]
    now = {"accuracy": right.mean(), "n": len(right), "copies": copies}
    return {"deals": pd.concat(deals, ignore_index=True), "now": pd.DataFrame([now])}


def study_erasing(workspace: Workspace, head: ExactHead, study: Study, tell: Tell) -> Tables:
    """Return `erase_property` of the option `what`: a name of `list_erasable`."""
    splits = read_result(workspace, study.source.run).splits
    values = read_values(workspace, study.source.dataset, splits, study.options["what"], tell)
    return dict(erase_property(head, values, study.judges, tell))


STUDIES: Mapping[str, Callable[[Workspace, ExactHead, Study, Tell], Tables]] = {
    "class-costs": study_class_costs,
    "split-luck": study_split_luck,
    "erasing": study_erasing,
}
