"""New dataset versions out of reviewed feedback: what they bring, and what stays out of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from sqlalchemy import func, select, update

from core.errors import DatasetMissing, FeedbackRefused, ResultDamaged
from core.formats import count
from core.monitoring.copies import ReviewedPhoto, check_copies, find_reviewed
from core.monitoring.feedback import Feedback, list_feedback
from core.monitoring.kept_photos import find_kept
from core.monitoring.tables import feedback_table
from core.registry.events import record_event
from core.registry.store import list_versions, read_aliases, select_versions
from core.runs.database import read_database, write_database
from core.runs.store import list_runs
from core.runs.tables import runs_table
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import Dataset
from data.importing import Progress
from data.manifest import list_lineage, read_dataset
from data.sources.names import fold_name


@dataclass(frozen=True, kw_only=True)
class ReviewedPlan:
    """What a new version of a dataset would bring."""

    dataset: str
    added: tuple[ReviewedPhoto, ...]
    left_out: tuple[ReviewedPhoto, ...]
    new_classes: tuple[str, ...]
    said: Mapping[int, str]
    """The class that each feedback was reviewed as; what is reviewed anew is not in the plan."""


def list_reviewed(workspace: Workspace, dataset_id: str) -> list[Feedback]:
    """Return accepted and relabelled feedback that is in no dataset yet, newest review first.

    Only that on answers of models trained on a version of this dataset, or of models that are gone
    and said a class of it: of those nobody knows what they were trained on.
    """
    family = {summary.id for summary in list_lineage(workspace, dataset_id)} | {dataset_id}
    classes = _read_classes(workspace, dataset_id)
    with read_database(workspace) as connection:
        rows = connection.execute(select(runs_table.c.id, runs_table.c.dataset))
        runs = {row.id: row.dataset for row in rows}
        versions = {one.number: one.dataset_id for one in select_versions(connection)}
    found = []
    for state in ("accepted", "relabelled"):
        for feedback in list_feedback(workspace, state=state):
            own = versions.get(feedback.version or 0) or runs.get(feedback.run_id)
            if own in family or (own is None and fold_name(feedback.top) in classes):
                found.append(feedback)
    return sorted(found, key=lambda one: (one.reviewed or one.time, one.number), reverse=True)


def _read_classes(workspace: Workspace, dataset_id: str) -> set[str]:
    """Return the classes of a dataset, folded; none where it was deleted or damaged."""
    try:
        return {fold_name(name) for name in read_dataset(workspace, dataset_id).classes}
    except (DatasetMissing, ResultDamaged):
        return set()


def plan_reviewed(workspace: Workspace, dataset: Dataset) -> ReviewedPlan:
    """Return what a new version of the dataset out of reviewed photos would bring."""
    reviewed = list_reviewed(workspace, dataset.id)
    photos, outvoted = _settle_photos(reviewed, dataset)
    there = find_kept(workspace, (one.photo for one in photos))
    kept = [one for one in photos if one.photo in there]
    reason = "Its photo is not kept, so nothing can be learnt from it."
    lost = [replace(one, left_out=reason) for one in photos if one.photo not in there]
    asked = {one.number: one for one in reviewed}
    checked = check_copies(workspace, dataset, kept, asked)
    added = [one for one in checked if not one.left_out]
    known = set(dataset.classes)
    return ReviewedPlan(
        dataset=dataset.id,
        added=tuple(added),
        left_out=(*(one for one in checked if one.left_out), *lost, *outvoted),
        new_classes=tuple(sorted({one.class_name for one in added} - known)),
        said={one.number: one.final_class or one.class_name for one in reviewed},
    )


def describe_left_out(photos: Sequence[ReviewedPhoto]) -> str:
    """Return the reasons why photos are left out, each with how many: “2 photos: …; …”."""
    reasons = pd.Series([one.left_out for one in photos]).value_counts()
    return " ".join(f"{count(int(n), 'photo')}: {reason}" for reason, n in reasons.items())


def _settle_photos(
    reviewed: Sequence[Feedback], dataset: Dataset
) -> tuple[list[ReviewedPhoto], list[ReviewedPhoto]]:
    """Return one entry a photo, with the class of its newest review, and those that it outvotes.

    A class in another spelling is the dataset's.
    """
    spelling = {fold_name(name): name for name in dataset.classes}
    latest: dict[str, ReviewedPhoto] = {}
    outvoted = []
    for one in reviewed:
        said = one.final_class or one.class_name
        name = spelling.setdefault(fold_name(said), said)
        settled = ReviewedPhoto(numbers=(one.number,), photo=one.photo, class_name=name)
        known = latest.setdefault(one.photo, settled)
        if known.class_name != name:
            reason = f"The same photo was reviewed again later, as “{known.class_name}”."
            outvoted.append(replace(settled, left_out=reason))
        elif known is not settled:
            latest[one.photo] = replace(known, numbers=(*known.numbers, one.number))
    return list(latest.values()), outvoted


def make_reviewed_version(
    workspace: Workspace,
    dataset_id: str,
    *,
    who: str = "",
    on_progress: Callable[[Progress], None] | None = None,
) -> Dataset:
    """Return the version of the dataset with the reviewed photos as train photos.

    Feedback whose photo is left out is put aside with the reason, so that it is not met again.

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
    made = add_photos(workspace, parent, photos, on_progress=on_progress)
    _settle(workspace, (*plan.added, *plan.left_out), made.id, plan.said)
    reason = f"{count(len(plan.added), 'reviewed photo')} became “{made.name}”"
    counts = {"added": len(plan.added), "left_out": len(plan.left_out)}
    facts = {"dataset": made.id, "parent": parent.id, **counts}
    record_event(workspace, "reviewed", who=who, reason=reason, facts=facts)
    return made


def find_reviewed_dataset(workspace: Workspace) -> str | None:
    """Return the dataset that reviewed photos belong to; None where nothing was trained.

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
    """Put feedback aside whose photos are left out; it says why."""
    _settle(workspace, plan.left_out, plan.dataset, plan.said)


def _settle(
    workspace: Workspace, photos: Sequence[ReviewedPhoto], dataset_id: str, said: Mapping[int, str]
) -> None:
    """Write into feedback which dataset has its photo, or why none has."""
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
