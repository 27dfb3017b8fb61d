"""Options of a dataset, run, version or split, and what they name."""

import re
from argparse import Namespace
from contextlib import suppress

from core.cli.command import option
from core.errors import RunMissing, VersionMissing
from core.runs.choosing import choose_dataset, choose_run
from core.workspace import Workspace
from data.dataset import Dataset
from data.manifest import read_dataset
from data.splits import SPLITS

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
WHO = "command line"
"""The name under which actions are recorded."""


def read_chosen(workspace: Workspace, given: Namespace) -> Dataset:
    """Read the dataset of the command line."""
    return read_dataset(workspace, choose_dataset(workspace, given.dataset))


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
