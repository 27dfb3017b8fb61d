"""The second half of a retraining: its run becomes the challenger, and meets the champion.

Each step may be repeated, so a process that is killed here loses nothing.
"""

from contextlib import suppress

from core.errors import PetalscopeError, RunMissing, RunUnfinished
from core.formats import count
from core.monitoring.arranging import Going, read_state
from core.monitoring.beginning import begin, end_retraining
from core.monitoring.carrying_rule import carry_rule
from core.monitoring.comparison import find_meeting, meet
from core.registry.events import record_event
from core.registry.promoting import set_challenger
from core.registry.registering import register_run
from core.registry.store import ModelVersion, read_aliases, read_version
from core.runs.store import read_run
from core.workspace import Workspace

_MOST_ATTEMPTS = 3


def settle_ended(workspace: Workspace) -> bool:
    """Returns whether something was settled: a retraining whose run has ended is so no longer.

    For use inside `hold_retraining`. One that was cut short before it had a run is begun again.
    """
    going = read_state(workspace).going
    if going is None:
        return False
    if going.run is None:
        _begin_again(workspace, going)
        return True
    try:
        run = read_run(workspace, going.run)
    except RunMissing:
        end_retraining(
            workspace, "The run of the challenger was deleted.", went_well=False, run=going.run
        )
        return True
    if not run.has_ended or run.state == "paused":
        return False
    try:
        finish(workspace, run.id, going.who)
    except PetalscopeError as error:
        if read_state(workspace).going is None:
            return (
                True  # it is the challenger: only the comparison was refused, and can be asked for
            )
        text = f"{error.problem} {error.remedy}"
        end_retraining(workspace, text, went_well=False, run=run.id)
        facts = {"run": run.id, "failed": True}
        record_event(
            workspace,
            "retraining",
            former=going.champion,
            who=going.who,
            reason=f"It came to nothing. {text}",
            facts=facts,
        )
    return True


def finish(workspace: Workspace, run_id: str, who: str) -> ModelVersion:
    """Returns what `finish_retraining` does; for use inside `hold_retraining`."""
    run = read_run(workspace, run_id)
    if run.state != "done":
        raise RunUnfinished(
            run.problem or f"{run.name} is {run.state}: it has no result.",
            run.remedy or "Wait until it is trained.",
            run_id=run_id,
        )
    champion = read_aliases(workspace).get("champion")
    if champion is not None:
        carry_rule(workspace, read_version(workspace, champion), run_id)
    version = register_run(workspace, run_id, who=who)
    how = "Retrained."
    if run.stopped:
        how = f"Its training was stopped after epoch {run.epochs_done} of {run.recipe.epochs}."
    set_challenger(workspace, version.number, who=who, reason=how)
    try:
        if champion is not None and find_meeting(workspace, champion, version.number) is None:
            meet(workspace, champion, version.number, who)
    finally:
        going = read_state(workspace).going
        if going is None or going.run == run_id:  # else it was settled, and another was begun
            text = f"{version.label} is the challenger. {how}"
            end_retraining(workspace, text, went_well=True, run=run_id, version=version.number)
    return version


def _begin_again(workspace: Workspace, going: Going) -> None:
    if going.attempts >= _MOST_ATTEMPTS:
        end_retraining(
            workspace,
            f"The retraining was cut short {count(going.attempts, 'time')} while its dataset was "
            "made. Look into the log of the scheduler.",
            went_well=False,
        )
        return
    with suppress(PetalscopeError):  # what it came to stands in the state
        begin(
            workspace,
            who=going.who,
            dataset_id=going.dataset,
            why=going.why,
            attempts=going.attempts + 1,
        )
