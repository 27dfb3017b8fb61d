"""The seal of the test photos on the command line: looking at them is counted here, too."""

from core.formats import moment
from core.runs.store import RunRecord
from core.runs.test_views import Opening, record_opening
from core.workspace import Workspace

WHO = "command line"


def count_opening(workspace: Workspace, run: RunRecord, split: str) -> list[Opening]:
    """Returns all openings of the run, this one counted; none where it is not the test split."""
    if split != "test":
        return []
    return record_opening(workspace, run.id, "", WHO)


def describe_openings(openings: list[Opening]) -> str:
    """Returns how often the test photos of a run were opened, in a line; empty if never."""
    if not openings:
        return ""
    if len(openings) == 1:
        return "Test photos of this run: opened for the first time, and counted."
    return (
        f"Test photos of this run: opened {len(openings):,} times, first "
        f"{moment(openings[0].opened)} ({openings[0].place})."
    )
