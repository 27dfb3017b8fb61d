"""What a worker does with an item of the queue that has a plan: a sweep, or a search for a rate."""

from typing import TYPE_CHECKING

from core.runs.queue.run_lock import Hold
from core.runs.recipe.plans import SweepPlan
from core.runs.store import RunRecord
from core.runs.training.rate_finding import execute_rate
from core.runs.training.reporting import RunReport
from core.runs.training.sweeping import execute_sweep
from core.workspace import Workspace

if TYPE_CHECKING:
    from models.fitting import Features


def execute_plan(
    workspace: Workspace,
    run: RunRecord,
    hold: Hold,
    report: RunReport,
    *,
    train: "Features",
    validation: "Features",
    n_classes: int,
) -> bool:
    """Returns whether a person ended it before it was complete; what was done stands.

    Args:
        train: Features as `models.fitting.fit_head` takes them, one array a view.
        validation: Features of the validation photos.

    Raises:
        RecipeRefused: It cannot be done with these photos.
        RunStopped: A person ended it before there was anything to keep.
    """
    execute = execute_sweep if isinstance(run.plan, SweepPlan) else execute_rate
    return execute(
        workspace, run, hold, report, train=train, validation=validation, n_classes=n_classes
    )
