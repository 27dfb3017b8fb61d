"""Which dataset or run a person means: an id, the start of one, a name, or "latest"."""

from collections.abc import Sequence

from core.errors import DatasetMissing, PetalscopeError, RunMissing
from core.runs.store import RunRecord, list_runs, list_studies
from core.workspace import Workspace
from data.manifest import list_datasets

DATASET_HELP = "id of a dataset, the start of one, its name, or “latest”"
RUN_HELP = "id of a run, the start of one, its name, or “latest” (the newest that is done)"


def choose_dataset(workspace: Workspace, text: str) -> str:
    """Returns the id of the dataset that is meant.

    Raises:
        DatasetMissing: None or several are meant.
    """
    names = [(summary.id, summary.name) for summary in list_datasets(workspace)]
    if not names:
        raise DatasetMissing(
            "There is no dataset in this workspace.", "Make one: python -m core import sample"
        )
    return _choose(text, names, "dataset", DatasetMissing)


def choose_run(workspace: Workspace, text: str) -> RunRecord:
    """Returns the run that is meant.

    Raises:
        RunMissing: None or several are meant.
    """
    runs = list_runs(workspace)
    if not runs:
        raise RunMissing(
            "There is no run in this workspace.", "Train one: python -m core train latest"
        )
    if text == "latest":
        runs = [run for run in runs if run.state == "done"] or runs
    run_id = _choose(text, [(run.id, run.name) for run in runs], "run", RunMissing)
    return next(run for run in runs if run.id == run_id)


def choose_item(workspace: Workspace, text: str) -> RunRecord:
    """Returns the run or sweep that is meant; “latest” is the newest, whatever its state.

    Raises:
        RunMissing: None or several are meant.
    """
    items = sorted([*list_runs(workspace), *list_studies(workspace)], key=lambda run: -run.number)
    if not items:
        raise RunMissing(
            "There is no run in this workspace.", "Train one: python -m core train latest"
        )
    run_id = _choose(text, [(run.id, run.name) for run in items], "run", RunMissing)
    return next(run for run in items if run.id == run_id)


def _choose(
    text: str, names: Sequence[tuple[str, str]], noun: str, missing: type[PetalscopeError]
) -> str:
    """Returns the one id that is meant; `names` holds (id, name), newest first."""
    if text == "latest":
        return names[0][0]
    ways = (
        [identifier for identifier, _ in names if identifier == text],
        [identifier for identifier, name in names if name == text],
        [identifier for identifier, _ in names if text and identifier.startswith(text)],
    )
    found = next((matches for matches in ways if matches), [])
    if len(found) == 1:
        return found[0]
    see = f"python -m core {noun}s lists them."
    if found:
        raise missing(f"“{text}” could be any of {', '.join(found)}.", f"Give an id; {see}")
    raise missing(f"There is no {noun} “{text}” in this workspace.", f"Give an id or a name; {see}")
