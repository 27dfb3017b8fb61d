"""New dataset versions out of reviewed feedback, and what becomes of the feedback then."""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import func, update

from core.errors import FeedbackRefused
from core.formats import count
from core.monitoring.feedback import list_feedback
from core.monitoring.reviewed_photos import (
    ReviewedPhoto,
    ReviewedPlan,
    describe_left_out,
    find_reviewed,
    list_reviewed,
    plan_reviewed,
)
from core.registry.events import record_event
from core.registry.store import list_versions, read_aliases
from core.runs.database import write_database
from core.runs.store import list_runs
from core.runs.tables import feedback_table
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import Dataset
from data.importing import Progress
from data.lineage import list_lineage
from data.manifest import read_dataset

__all__ = [
    "ReviewedPhoto",
    "ReviewedPlan",
    "find_reviewed_dataset",
    "list_reviewed",
    "make_reviewed_version",
    "plan_reviewed",
    "put_aside",
]


def make_reviewed_version(
    workspace: Workspace,
    dataset_id: str,
    *,
    who: str = "",
    name: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Returns the version of the dataset with the reviewed photos as train photos.

    Feedback whose photo is left out is put aside with the reason, so that it is not met again.

    Args:
        workspace: Where it is.
        dataset_id: The version that becomes the parent.
        who: On whose behalf, for the history.
        name: What people will call it; by default the parent's name and a number.
        on_progress: Called often, from this thread, while files are written.

    Raises:
        FeedbackRefused: Nothing was reviewed, or none of it can be added (it is put aside then).
        DatasetMissing: There is no such dataset.
        ResultDamaged: Its photos were altered.
        DiskFull: No room; nothing has changed.
    """
    parent = read_dataset(workspace, dataset_id)
    plan = plan_reviewed(workspace, parent)
    if not plan.added:
        put_aside(workspace, plan)
        raise _report_nothing(plan)
    photos = find_reviewed(workspace, plan.added)
    made = add_photos(workspace, parent, photos, name=name, on_progress=on_progress)
    _settle(workspace, (*plan.added, *plan.left_out), made.id, plan.said)
    record_event(
        workspace,
        "reviewed",
        who=who,
        reason=f"{count(len(plan.added), 'reviewed photo')} became “{made.name}”",
        facts={
            "dataset": made.id,
            "parent": parent.id,
            "added": len(plan.added),
            "left_out": len(plan.left_out),
        },
    )
    return made


def find_reviewed_dataset(workspace: Workspace) -> str | None:
    """Returns the dataset that reviewed photos belong to; None where nothing was trained.

    It is the newest version of the champion's dataset; without a champion, of that of the model
    that the last feedback is about, else of the last run.
    """
    champion = read_aliases(workspace).get("champion")
    versions = [one for one in list_versions(workspace) if one.number == champion]
    finished = [run for run in list_runs(workspace) if run.state == "done"]
    asked = [one.run_id for one in list_feedback(workspace, limit=1)]
    finished.sort(key=lambda run: run.id not in asked)  # stable: the rest newest first
    datasets = [run.recipe.dataset for run in finished]
    for dataset_id in [*(one.dataset_id for one in versions), *datasets]:
        family = [one for one in list_lineage(workspace, dataset_id) if not one.problem]
        if family:
            return family[-1].id
    return None


def put_aside(workspace: Workspace, plan: ReviewedPlan) -> None:
    """Returns nothing; feedback whose photos are left out is not met again, and says why."""
    _settle(workspace, plan.left_out, plan.dataset, plan.said)


def _settle(
    workspace: Workspace,
    photos: Sequence[ReviewedPhoto],
    dataset_id: str,
    said: Mapping[int, str],
) -> None:
    """Returns nothing; the feedback is in the dataset, or says why its photo is not."""
    columns = feedback_table.c
    with write_database(workspace) as connection:
        for one in photos:
            # What was reviewed anew while the version was made stays open.
            still = columns.dataset.is_(None) & columns.state.in_(("accepted", "relabelled"))
            values = {"dataset": dataset_id, "left_out": one.left_out}
            for number in one.numbers:
                same = func.coalesce(columns.final_class, columns.class_name) == said[number]
                which = (columns.number == number) & still & same
                connection.execute(update(feedback_table).where(which).values(values))


def _report_nothing(plan: ReviewedPlan) -> FeedbackRefused:
    if not plan.left_out:
        return FeedbackRefused(
            "No reviewed photo waits for this dataset.",
            "Accept or relabel feedback on the page Review first.",
            dataset=plan.dataset,
        )
    return FeedbackRefused(
        f"None of {count(len(plan.left_out), 'reviewed photo')} can be added. "
        f"{describe_left_out(plan.left_out)}",
        "They were put aside. Gather photos that the dataset does not have yet.",
        dataset=plan.dataset,
    )
