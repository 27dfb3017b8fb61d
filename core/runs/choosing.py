"""Find the dataset or run that a person named, and count views of the test photos.

What the command line and `import petalscope` share.
"""

from collections.abc import Sequence

from core.errors import DatasetMissing, PetalscopeError, RunMissing
from core.formats import moment
from core.runs.store import Opening, RunRecord, list_runs, list_studies, record_opening
from core.workspace import Workspace
from data.manifest import list_datasets

NOTHING_YET = {
    "dataset": ("No dataset yet.", "Import one: python -m core import sample"),
    "run": ("No run yet.", "Train one: python -m core train latest"),
}
"""What an empty workspace lacks, and the remedy."""


def choose_dataset(workspace: Workspace, text: str) -> str:
    """Return the id of the dataset with this id, start of an id or name.

    Raises:
        DatasetMissing: No dataset matches, or several do.
    """
    names = [(summary.id, summary.name) for summary in list_datasets(workspace)]
    return _choose(text, names, "dataset", DatasetMissing)


def choose_run(workspace: Workspace, text: str) -> RunRecord:
    """Return the run with this id, start of an id or name; “latest” is the newest finished one.

    Raises:
        RunMissing: No run matches, or several do.
    """
    runs = list_runs(workspace)
    if text == "latest":
        runs = [run for run in runs if run.state == "done"] or runs
    return _choose_run(text, runs)


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


def count_opening(workspace: Workspace, run: RunRecord, split: str, place: str) -> list[Opening]:
    """Count a view of the test photos and return all views; none for another split."""
    return record_opening(workspace, run.id, "", place) if split == "test" else []


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
