"""The optional mirror of finished runs in MLflow."""

from core.runs.result import RunResult
from core.runs.store import RunRecord
from core.workspace import Workspace


def mirror_run(workspace: Workspace, run: RunRecord, result: RunResult) -> None:
    """Returns nothing; written by its owner."""
    del workspace, run, result
