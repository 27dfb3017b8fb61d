"""Find the dataset, run or version that a person named, and count views of the test photos."""

import re
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from core.cli.command import option
from core.errors import DatasetMissing, PetalscopeError, RunMissing, VersionMissing
from core.formats import moment
from core.runs.store import Opening, RunRecord, list_runs, list_studies, record_opening
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import list_datasets, read_dataset
from data.splits import SPLITS

if TYPE_CHECKING:
    from core.runs.result import RunResult

DATASET_HELP = "dataset: its id, the start of the id, its name, or “latest”"
RUN_HELP = "run: its id, the start of the id, its name, or “latest” (the newest finished run)"
DATASET = option("dataset", DATASET_HELP)
RUN = option("run", RUN_HELP)
SPLIT = option(
    "--split",
    "photos to evaluate; views of the test photos are counted",
    choices=SPLITS,
    default="validation",
)
_VERSION = re.compile(r"champion|challenger|v\d{1,9}", re.IGNORECASE)
NOTHING_YET = {
    "dataset": ("No dataset yet.", "Import one: python -m core import sample"),
    "run": ("No run yet.", "Train one: python -m core train latest"),
}
"""What an empty workspace lacks, and the remedy."""
WHO = "command line"
"""The name under which actions are recorded."""


def choose_dataset(workspace: Workspace, text: str) -> str:
    """Return the id of the dataset with this id, start of an id or name.

    Raises:
        DatasetMissing: No dataset matches, or several do.
    """
    names = [(summary.id, summary.name) for summary in list_datasets(workspace)]
    return _choose(text, names, "dataset", DatasetMissing)


def read_chosen(workspace: Workspace, given: Namespace) -> Dataset:
    """Read the dataset of the command line."""
    return read_dataset(workspace, choose_dataset(workspace, given.dataset))


def choose_run(workspace: Workspace, text: str) -> RunRecord:
    """Return the run with this id, start of an id or name; “latest” is the newest finished one.

    Raises:
        RunMissing: No run matches, or several do.
    """
    runs = list_runs(workspace)
    if text == "latest":
        runs = [run for run in runs if run.state == "done"] or runs
    return _choose_run(text, runs)


def read_run_of(workspace: Workspace, dataset: str, text: str) -> "RunResult":
    """Return the result of a run of this dataset.

    Raises:
        RunMissing: No run matches, several do, or the run belongs to another dataset.
    """
    from core.runs.result import read_result  # NumPy: imported only when it is needed

    result = read_result(workspace, choose_run(workspace, text).id)
    if result.dataset_id != dataset:
        raise RunMissing(
            f"The run was trained on another dataset ({result.dataset_id}).",
            "Choose a run of this dataset: python -m core runs lists them.",
        )
    return result


def choose_model(workspace: Workspace, text: str) -> str:
    """Return the label of a version (“v3”), or the id of a run.

    Raises:
        RunMissing: Neither a run nor a version matches, or several do.
        VersionMissing: The text names a version that does not exist.
    """
    from core.registry.store import find_version  # NumPy: imported only when it is needed

    if _VERSION.fullmatch(text):
        return find_version(workspace, text).label
    try:
        return choose_run(workspace, text).id
    except RunMissing:
        with suppress(VersionMissing):
            return find_version(workspace, text).label
        raise


def choose_item(workspace: Workspace, text: str) -> RunRecord:
    """Return a run or sweep; “latest” is the newest one in any state.

    Raises:
        RunMissing: Nothing matches, or several do.
    """
    items = [*list_runs(workspace), *list_studies(workspace)]
    return _choose_run(text, sorted(items, key=lambda run: -run.number))


def _choose_run(text: str, runs: Sequence[RunRecord]) -> RunRecord:
    run_id = _choose(text, [(run.id, run.name) for run in runs], "run", RunMissing)
    return next(run for run in runs if run.id == run_id)


def _choose(
    text: str, names: Sequence[tuple[str, str]], noun: str, missing: type[PetalscopeError]
) -> str:
    """Return the one id that matches; `names` holds (id, name), newest first."""
    if not names:
        raise missing(*NOTHING_YET[noun])
    if text == "latest":
        return names[0][0]
    found = (
        [identifier for identifier, _ in names if identifier == text]
        or [identifier for identifier, name in names if name == text]
        or [identifier for identifier, _ in names if text and identifier.startswith(text)]
    )
    if len(found) == 1:
        return found[0]
    see = f"python -m core {noun}s lists them."
    if found:
        raise missing(f"“{text}” could be any of {', '.join(found)}.", f"Give an id; {see}")
    raise missing(f"No {noun} “{text}” in this workspace.", f"Give an id or a name; {see}")


def count_opening(workspace: Workspace, run: RunRecord, split: str) -> list[Opening]:
    """Count a view of the test photos and return all views; none for another split."""
    return record_opening(workspace, run.id, "", WHO) if split == "test" else []


def describe_openings(openings: list[Opening]) -> str:
    """Return a line about the views of a run's test photos; "" if there were none."""
    if not openings:
        return ""
    if len(openings) == 1:
        return "Test photos of this run: opened for the first time. The view was counted."
    return (
        f"Test photos of this run: opened {len(openings):,} times, first "
        f"{moment(openings[0].opened)} ({openings[0].place})."
    )
