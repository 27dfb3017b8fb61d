"""Read the page Runs: the runs that match the filters of the address, in its order."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import pandas as pd

from core.formats import guard_cells
from core.runs.store import Repeats, RunRecord, fold_repeats, list_runs
from core.ui.parts import cache
from core.ui.parts.state import choose_from, keep_choice, read_choice
from data.manifest import list_datasets
from data.policy import describe_policy

SORTS: dict[str, str] = {
    "newest": "Newest first",
    "accuracy": "Best accuracy first",
    "loss": "Lowest loss first",
    "quickest": "Quickest first",
    "name": "Name",
}
FILTERS = ("find", "on", "strategy", "state", "tag")
"""Keys of the address; `on` is the dataset."""
_RESULTS = (
    *("id", "name", "state", "best_val_accuracy", "best_val_loss", "val_photos", "best_epoch"),
    *("epochs_done", "device", "created"),
)


@dataclass(frozen=True, kw_only=True)
class RunsPage:
    """All runs, newest first, with the filters and the order of the address."""

    runs: list[RunRecord]
    datasets: Mapping[str, str]
    """Dataset id → name."""
    asked: Mapping[str, str | None]
    """Filters, `order` and `repeats` ("apart") of the address."""

    @property
    def is_going(self) -> bool:
        return any(not run.has_ended and run.state != "paused" for run in self.runs)

    @cached_property
    def options(self) -> dict[str, list[str]]:
        """The options of each filter and of the order."""
        runs = self.runs
        return {
            "on": list(dict.fromkeys(run.recipe.dataset for run in runs)),
            "strategy": _sort({run.recipe.strategy for run in runs}),
            "state": _sort({run.state for run in runs}),
            "tag": _sort({tag for run in runs for tag in run.tags}),
            "order": list(SORTS),
        }

    def chosen(self, name: str) -> str | None:
        """Return the value of a filter, if it is one of the options."""
        value = self.asked[name]
        return value if value in self.options[name] else None

    @cached_property
    def matching(self) -> list[RunRecord]:
        """The runs that match all filters, newest first."""
        on, strategy, state, tag = (self.chosen(name) for name in FILTERS[1:])
        words = (self.asked["find"] or "").casefold().split()
        return [
            run
            for run in self.runs
            if on in (None, run.recipe.dataset)
            and strategy in (None, run.recipe.strategy)
            and state in (None, run.state)
            and (tag is None or tag in run.tags)
            and all(word in self._list_words(run) for word in words)
        ]

    @cached_property
    def has_repeats(self) -> bool:
        """Whether some of them differ only in their seed."""
        return len(fold_repeats(self.matching)) < len(self.matching)

    @cached_property
    def listed(self) -> list[Repeats]:
        """The rows in order, one for each recipe or for each run."""
        apart = self.asked["repeats"] == "apart"
        rows = [Repeats((run,)) for run in self.matching] if apart else fold_repeats(self.matching)
        return sorted(rows, key=_KEYS[self.chosen("order") or "newest"])  # type: ignore[arg-type]

    def _list_words(self, run: RunRecord) -> str:
        dataset = run.recipe.dataset
        said = (run.id, run.name, f"run {run.number}", run.notes, *run.tags)
        return " ".join((*said, dataset, self.datasets.get(dataset, ""), run.device)).casefold()


def read_runs() -> RunsPage:
    """Read the runs of the workspace, and filters and order of the address."""
    page = RunsPage(
        runs=list_runs(cache.workspace()),
        datasets={entry.id: entry.name for entry in list_datasets(cache.workspace())},
        asked={name: read_choice(name) for name in (*FILTERS, "order", "repeats")},
    )
    for name, known in {**page.options, "repeats": ("apart",)}.items():
        choose_from(name, known, None)  # refuses a link to an unknown one
    return page


def to_csv(page: RunsPage) -> bytes:
    """Return the matching runs as CSV, with results, settings, tags and notes."""
    rows = [
        {
            **{name: getattr(run, name) for name in _RESULTS},
            "dataset_name": page.datasets.get(run.recipe.dataset, ""),
            "seconds": seconds_taken(run),
            **asdict(run.recipe),
            "augmentation": describe_policy(run.recipe.augmentation),
            "tags": ", ".join(run.tags),
            "notes": run.notes,
        }
        for run in page.matching
    ]
    return str(guard_cells(pd.DataFrame(rows)).to_csv(index=False)).encode("utf-8-sig")


def clear_filters() -> None:
    """Remove all filters from the address."""
    for name in FILTERS:
        keep_choice(name, None)


def seconds_taken(run: RunRecord) -> float | None:
    """Return the seconds of the last attempt of a run; None while it is running."""
    if run.started is None or run.finished is None:
        return None
    return (run.finished - run.started).total_seconds()


_KEYS: dict[str, Callable[[Repeats], object]] = {
    "newest": lambda one: -one.first.number,
    "accuracy": lambda one: -(one.mean_accuracy or -1.0),
    "loss": lambda one: math.inf if (loss := one.first.best_val_loss) is None else loss,
    "quickest": lambda one: seconds_taken(one.first) or math.inf,
    "name": lambda one: one.first.name.casefold(),
}


def _sort(values: Iterable[str]) -> list[str]:
    return sorted(values, key=str.casefold)
