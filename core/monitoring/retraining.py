"""A challenger out of what was reviewed: the champion's recipe on a newer version of its dataset.

Begun here, trained by a worker as any run, finished here: registered, made the challenger, compared
with the champion. Whoever watches may finish it; the scheduler does when nobody watches.
"""

from core.errors import RetrainingRefused
from core.monitoring.arranging import Why, hold_retraining, read_state
from core.monitoring.beginning import begin, plan_challenger
from core.monitoring.settling import finish, settle_ended
from core.registry.store import ModelVersion
from core.runs.store import RunRecord
from core.workspace import Workspace

__all__ = ["finish_retraining", "plan_challenger", "start_retraining"]


def start_retraining(
    workspace: Workspace, *, who: str = "", dataset_id: str | None = None, why: Why = "by hand"
) -> RunRecord:
    """Returns the run that will be the challenger, queued; a scheduler has to be at work for it.

    Args:
        workspace: Holds the registry and the review inbox.
        who: Wants it, as far as it is known.
        dataset_id: What to learn from; None: a new version with all reviewed photos, or the last
            one that was made with such.
        why: What began it.

    Raises:
        RetrainingRefused: One is going, or there is nothing new to learn from.
        VersionMissing: There is no champion.
        PetalscopeError: The reviewed photos make no dataset, or the recipe cannot be trained.
    """
    with hold_retraining(workspace, wait_s=5.0):
        settle_ended(workspace)
        going = read_state(workspace).going
        if going is not None and going.run is not None:
            raise RetrainingRefused(
                "A challenger is being trained already.",
                f"Wait for it, or stop its run: “python -m core runs stop {going.run}”.",
                run=going.run,
            )
        return begin(workspace, who=who, dataset_id=dataset_id, why=why)


def finish_retraining(workspace: Workspace, run_id: str, *, wait_s: float = 60.0) -> ModelVersion:
    """Returns the version of a run, which is the challenger now and has met the champion.

    Args:
        workspace: Holds the run.
        run_id: Of a finished run.
        wait_s: How long another process that settles it is waited for.

    Raises:
        RunMissing: No run has that id.
        RunUnfinished: It has not ended, or not well.
        RetrainingRefused: There is no photo that is a fair question to both; it stays challenger.
    """
    with hold_retraining(workspace, wait_s):
        going = read_state(workspace).going
        ours = going is not None and going.run == run_id
        return finish(workspace, run_id, going.who if going is not None and ours else "")
