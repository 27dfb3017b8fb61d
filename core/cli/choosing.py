"""Which dataset or run a person means: an id, the start of one, a name, or "latest".

And the seal of the test photos: looking at them is counted on the command line, too.
"""

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

DATASET_HELP = "id of a dataset, the start of one, its name, or “latest”"
RUN_HELP = "id of a run, the start of one, its name, or “latest” (the newest that is done)"
DATASET = option("dataset", DATASET_HELP)
RUN = option("run", RUN_HELP)
SPLIT = option(
    "--split",
    "photos to judge by; keep test for the very end: it is counted",
    choices=SPLITS,
    default="validation",
)
_VERSION = re.compile(r"champion|challenger|v\d{1,9}", re.IGNORECASE)
WHO = "command line"
"""Who looked, promoted or asked, in what is kept of it."""


def choose_dataset(workspace: Workspace, text: str) -> str:
    """Find the id of the dataset that is meant.

    Raises:
        DatasetMissing: None or several are meant.
    """
    names = [(summary.id, summary.name) for summary in list_datasets(workspace)]
    if not names:
        raise DatasetMissing(
            "There is no dataset in this workspace.", "Make one: python -m core import sample"
        )
    return _choose(text, names, "dataset", DatasetMissing)


def read_chosen(workspace: Workspace, given: Namespace) -> Dataset:
    """Read the dataset that a person means."""
    return read_dataset(workspace, choose_dataset(workspace, given.dataset))


def choose_run(workspace: Workspace, text: str) -> RunRecord:
    """Find the run that is meant.

    Raises:
        RunMissing: None or several are meant.
    """
    runs = list_runs(workspace)
    if text == "latest":
        runs = [run for run in runs if run.state == "done"] or runs
    return _choose_run(text, runs)


def read_run_of(workspace: Workspace, dataset: str, text: str) -> "RunResult":
    """Return the answers of the run that is meant, of the photos of this dataset.

    Raises:
        RunMissing: None or several are meant, or one of another dataset.
    """
    from core.runs.result import read_result  # NumPy: loaded when first wanted

    result = read_result(workspace, choose_run(workspace, text).id)
    if result.dataset_id != dataset:
        raise RunMissing(
            f"That run was trained on another dataset ({result.dataset_id}).",
            "Choose a run of this dataset: python -m core runs lists them.",
        )
    return result


def choose_model(workspace: Workspace, text: str) -> str:
    """Find the model that is meant: “v3”, or the id of a run.

    Raises:
        RunMissing: Neither a run nor a version is meant, or several are.
        VersionMissing: A version is meant that is not there.
    """
    from core.registry.store import find_version  # NumPy: loaded when first wanted

    if _VERSION.fullmatch(text):
        return find_version(workspace, text).label
    try:
        return choose_run(workspace, text).id
    except RunMissing:
        with suppress(VersionMissing):
            return find_version(workspace, text).label
        raise


def choose_item(workspace: Workspace, text: str) -> RunRecord:
    """Find the run or sweep that is meant; “latest” is the newest, whatever its state.

    Raises:
        RunMissing: None or several are meant.
    """
    items = [*list_runs(workspace), *list_studies(workspace)]
    return _choose_run(text, sorted(items, key=lambda run: -run.number))


def _choose_run(text: str, runs: Sequence[RunRecord]) -> RunRecord:
    if not runs:
        raise RunMissing(
            "There is no run in this workspace.", "Train one: python -m core train latest"
        )
    run_id = _choose(text, [(run.id, run.name) for run in runs], "run", RunMissing)
    return next(run for run in runs if run.id == run_id)


def _choose(
    text: str, names: Sequence[tuple[str, str]], noun: str, missing: type[PetalscopeError]
) -> str:
    """Find the one id that is meant; `names` holds (id, name), newest first."""
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
    raise missing(f"There is no {noun} “{text}” in this workspace.", f"Give an id or a name; {see}")


def count_opening(workspace: Workspace, run: RunRecord, split: str) -> list[Opening]:
    """Count a look at the test split, and return all of them; none for another split."""
    if split != "test":
        return []
    return record_opening(workspace, run.id, "", WHO)


def describe_openings(openings: list[Opening]) -> str:
    """Say how often the test photos of a run were opened, in a line; empty if never."""
    if not openings:
        return ""
    if len(openings) == 1:
        return "Test photos of this run: opened for the first time, and counted."
    return (
        f"Test photos of this run: opened {len(openings):,} times, first "
        f"{moment(openings[0].opened)} ({openings[0].place})."
    )
