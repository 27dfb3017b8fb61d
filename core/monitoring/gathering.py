"""New dataset versions out of reviewed feedback: what they bring, and what stays out of them.

A copy of a validation or test photo never becomes a train photo.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import func, select, update

from core.errors import (
    DatasetMissing,
    FeedbackRefused,
    PetalscopeError,
    PhotoRefused,
    ResultDamaged,
)
from core.formats import count
from core.monitoring.feedback import Feedback, list_feedback
from core.monitoring.kept_photos import find_kept
from core.monitoring.log import read_features
from core.monitoring.tables import feedback_table
from core.registry.events import record_event
from core.registry.store import list_versions, read_aliases, select_versions
from core.runs.database import read_database, write_database
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.runs.tables import runs_table
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import PHOTOS, Dataset
from data.duplicates import NEAREST, Copy, find_copies
from data.images import read_photo_facts, read_photo_file
from data.importing import Progress
from data.manifest import list_lineage, read_dataset
from data.packing import pack_photos
from data.sources.found import FoundPhoto
from data.sources.names import fold_name

_FOLDER = "reviewed"
_SPLIT = "train"


@dataclass(frozen=True, kw_only=True)
class ReviewedPhoto:
    """A photo whose class a person has settled."""

    numbers: tuple[int, ...]
    """Of the feedback that says so."""
    photo: str
    """SHA-256."""
    class_name: str
    left_out: str = ""
    """Why it cannot be added, in words; "" when it can."""
    copy_of: int | None = None
    """Number of the photo of the dataset that it is a copy of."""


def find_reviewed(workspace: Workspace, photos: Sequence[ReviewedPhoto]) -> list[FoundPhoto]:
    """Return the photos as those of a source, for the split train, in their order."""
    found = []
    for one in photos:
        file = workspace.kept_photo_file(one.photo)
        path = f"{_FOLDER}/{one.photo[:20]}{_find_ending(file)}"
        found.append(FoundPhoto(path=path, class_name=one.class_name, split=_SPLIT, file=file))
    return found


def _find_ending(file: Path) -> str:
    """Return the ending of the file's name by its content; "" where it cannot be read."""
    try:
        name = read_photo_facts(read_photo_file(file)).format.lower()
    except PhotoRefused:
        return ""
    return {"jpeg": ".jpg", "tiff": ".tif"}.get(name, f".{name}")


def check_copies(
    workspace: Workspace,
    dataset: Dataset,
    photos: Sequence[ReviewedPhoto],
    asked: Mapping[int, Feedback],
) -> list[ReviewedPhoto]:
    """Return the photos, each with the reason if it is unreadable or a copy that must stay out."""
    if not photos:
        return []
    found = find_reviewed(workspace, photos)
    workspace.temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reviewed-", dir=workspace.temporary) as name:
        folder = Path(name)
        table, refused = pack_photos(found, folder)
        packed = np.load(folder / PHOTOS, mmap_mode="r") if len(table) else np.empty(0)
        rows = {photo.path: row for row, photo in enumerate(found)}
        told = [asked[photos[rows[path]].numbers[0]] for path in table["path"]]
        nearest = _find_nearest(workspace, dataset, told)
        copies = dict(zip(table["path"], find_copies(dataset, table, packed, nearest), strict=True))
    problems = dict(zip(refused["path"], refused["problem"], strict=True))
    digests = dict(zip(table["path"], table["sha256"], strict=True))
    checked = []
    for one, photo in zip(photos, found, strict=True):
        if photo.path in problems:
            checked.append(replace(one, left_out=problems[photo.path]))
        elif digests[photo.path] != one.photo:
            checked.append(replace(one, left_out="Its kept file was altered."))
        else:
            checked.append(_judge_copies(one, copies[photo.path], dataset))
    return checked


def _find_nearest(
    workspace: Workspace, dataset: Dataset, asked: Sequence[Feedback]
) -> list[list[int]]:
    """Return of each photo the numbers of the nearest in the dataset, as who answered it sees them.

    None where its features, or those of the model's own photos, are gone.
    """
    rows = {digest: number for number, digest in enumerate(dataset.manifest["sha256"])}
    known: dict[str, tuple[list[str], np.ndarray]] = {}
    nearest: list[list[int]] = []
    for one in asked:
        try:
            if one.run_id not in known:
                known[one.run_id] = _read_known(workspace, one.run_id)
            digests, unit = known[one.run_id]
            feature = read_features(workspace, [one.prediction])[0]
        except PetalscopeError:
            feature = np.zeros(0)
        if not feature.any():
            nearest.append([])
            continue
        most = max(1, min(NEAREST, len(digests) // 100))  # five of 36 photos prove nothing
        order = np.argsort(-(unit @ feature.astype(np.float32)), kind="stable")[:most]
        nearest.append([rows[digests[row]] for row in order if digests[row] in rows])
    return nearest


def _read_known(workspace: Workspace, run_id: str) -> tuple[list[str], np.ndarray]:
    """Return the digests of a run's photos, and their features (n, 2048) in length 1."""
    result = read_result(workspace, run_id)
    digests = read_dataset(workspace, result.dataset_id).manifest["sha256"].tolist()
    features = np.asarray(read_run_features(workspace, result), dtype=np.float32)
    return digests, features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def _judge_copies(one: ReviewedPhoto, copies: Sequence[Copy], dataset: Dataset) -> ReviewedPhoto:
    """Return the photo with the most serious of its copies: of test, validation, then train."""
    for split in ("test", "validation", _SPLIT):
        for copy in copies:
            if dataset.splits[copy.photo] != split or (split == _SPLIT and copy.kind == "near"):
                continue
            return replace(one, left_out=_tell_copy(one, copy, dataset), copy_of=copy.photo)
    return one


def _tell_copy(one: ReviewedPhoto, copy: Copy, dataset: Dataset) -> str:
    split, label = dataset.splits[copy.photo], dataset.classes[dataset.labels[copy.photo]]
    if split == _SPLIT:
        there = f"A {split} photo of this dataset already"
        return f"{there}." if label == one.class_name else f"{there}, labelled “{label}” there."
    what = f"A {split} photo" if copy.kind == "exact" else f"Nearly the same as a {split} photo"
    return f"{what} of this dataset: to learn from it would spoil the test."


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
    """Return one entry a photo, by its newest review, spelt as in the dataset, and the outvoted."""
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
    problem = "No reviewed photo waits for this dataset."
    remedy = "Accept or relabel feedback on the page Review first."
    if plan.left_out:
        photos = count(len(plan.left_out), "reviewed photo")
        problem = f"None of {photos} can be added. {describe_left_out(plan.left_out)}"
        remedy = "They were put aside. Gather photos that the dataset does not have yet."
    return FeedbackRefused(problem, remedy, dataset=plan.dataset)
