"""New dataset versions from reviewed feedback: the photos they add, and those they leave out.

A copy of a validation or test photo never becomes a training photo.
"""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
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
from core.formats import count, sort_names
from core.monitoring.feedback import Feedback, list_feedback
from core.monitoring.kept_photos import find_kept
from core.monitoring.log import read_features
from core.monitoring.tables import feedback_table
from core.prediction.nearest import measure_cosines
from core.registry.events import ModelEvent, record_event
from core.registry.store import list_versions, read_aliases, select_versions
from core.runs.database import read_database, write_database
from core.runs.result import read_result, read_run_features
from core.runs.store import list_runs
from core.runs.tables import runs_table
from core.workspace import Workspace
from data.additions import add_photos
from data.dataset import PHOTOS, Dataset
from data.duplicates import NEAREST, Copies, find_copies
from data.images import read_photo_facts, read_photo_file
from data.manifest import list_lineage, read_dataset
from data.packing import pack_photos
from data.sources.found import FoundPhoto, Tell
from data.sources.names import fold_name, match_class

_FOLDER = "reviewed"
_ENDINGS = {"jpeg": ".jpg", "tiff": ".tif"}


@dataclass(frozen=True, kw_only=True)
class ReviewedPhoto:
    """A photo with its reviewed class."""

    feedback: tuple[Feedback, ...]
    """The reviews that agree, the newest first."""
    class_name: str
    left_out: str = ""
    """Why it is not added; "" when it is."""
    copy_of: int | None = None
    """Number of the photo of the dataset that it is a copy of."""

    @property
    def photo(self) -> str:
        """Its SHA-256."""
        return self.feedback[0].photo


@dataclass(frozen=True, kw_only=True)
class ReviewedPlan:
    """The content of a new dataset version."""

    dataset: str
    added: tuple[ReviewedPhoto, ...]
    left_out: tuple[ReviewedPhoto, ...]
    new_classes: tuple[str, ...]


def list_reviewed(workspace: Workspace, dataset_id: str) -> list[Feedback]:
    """Return accepted and relabelled feedback that is in no dataset yet, newest review first.

    Only answers of models trained on a version of this dataset; a deleted model belongs to it if
    it answered with one of its classes.
    """
    family = {summary.id for summary in list_lineage(workspace, dataset_id)} | {dataset_id}
    try:
        classes = {fold_name(name) for name in read_dataset(workspace, dataset_id).classes}
    except (DatasetMissing, ResultDamaged):
        classes = set()
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


def plan_reviewed(workspace: Workspace, dataset: Dataset) -> ReviewedPlan:
    """Return the content of a new version of the dataset with the reviewed photos."""
    reviewed = list_reviewed(workspace, dataset.id)
    photos, outvoted = _settle_photos(reviewed, dataset)
    stored = find_kept(workspace, (one.photo for one in photos))
    reason = "Its photo was not stored."
    lost = [replace(one, left_out=reason) for one in photos if one.photo not in stored]
    there = [one for one in photos if one.photo in stored]
    checked = _check_copies(workspace, dataset, there) if there else []
    added = [one for one in checked if not one.left_out]
    return ReviewedPlan(
        dataset=dataset.id,
        added=tuple(added),
        left_out=(*(one for one in checked if one.left_out), *lost, *outvoted),
        new_classes=tuple(sort_names({one.class_name for one in added} - set(dataset.classes))),
    )


def _settle_photos(
    reviewed: Sequence[Feedback], dataset: Dataset
) -> tuple[list[ReviewedPhoto], list[ReviewedPhoto]]:
    """Return each photo with its newest review, in the dataset's spelling, and older reviews."""
    classes = list(dataset.classes)
    latest: dict[str, ReviewedPhoto] = {}
    outvoted = []
    for one in reviewed:
        name = match_class(one.true_class, classes)
        classes += [name] if name not in classes else []
        settled = ReviewedPhoto(feedback=(one,), class_name=name)
        known = latest.setdefault(one.photo, settled)
        if known.class_name != name:
            reason = f"A later review of the same photo says “{known.class_name}”."
            outvoted.append(replace(settled, left_out=reason))
        elif known is not settled:
            latest[one.photo] = replace(known, feedback=(*known.feedback, one))
    return list(latest.values()), outvoted


def _check_copies(
    workspace: Workspace, dataset: Dataset, photos: Sequence[ReviewedPhoto]
) -> list[ReviewedPhoto]:
    """Return the photos, with a reason where one is unreadable or a copy to leave out."""
    found = _list_files(workspace, photos)
    workspace.temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="reviewed-", dir=workspace.temporary) as name:
        folder = Path(name)
        table, refused = pack_photos(found, folder)
        packed = np.load(folder / PHOTOS, mmap_mode="r") if len(table) else np.empty(0)
        newest = {photo.path: one.feedback[0] for one, photo in zip(photos, found, strict=True)}
        feedback = [newest[path] for path in table["path"]]
        nearest = _find_nearest(workspace, dataset, feedback)
        copies = dict(zip(table["path"], find_copies(dataset, table, packed, nearest), strict=True))
    problems = dict(zip(refused["path"], refused["problem"], strict=True))
    digests = dict(zip(table["path"], table["sha256"], strict=True))
    checked = []
    for one, photo in zip(photos, found, strict=True):
        if photo.path in problems:
            checked.append(replace(one, left_out=problems[photo.path]))
        elif digests[photo.path] != one.photo:
            checked.append(replace(one, left_out="Its stored file was altered."))
        else:
            checked.append(_judge_copies(one, copies[photo.path], dataset))
    return checked


def _list_files(workspace: Workspace, photos: Sequence[ReviewedPhoto]) -> list[FoundPhoto]:
    """Return the stored files as training photos of a source, in the same order."""
    found = []
    for one in photos:
        file = workspace.kept_photo_file(one.photo)
        try:
            kind = read_photo_facts(read_photo_file(file)).format.lower()
            ending = _ENDINGS.get(kind, f".{kind}")
        except PhotoRefused:
            ending = ""
        path = f"{_FOLDER}/{one.photo[:20]}{ending}"
        found.append(FoundPhoto(path=path, class_name=one.class_name, split="train", file=file))
    return found


def _find_nearest(
    workspace: Workspace, dataset: Dataset, asked: Sequence[Feedback]
) -> list[list[int]]:
    """Return for each photo the nearest photos of the dataset by features of its model.

    The list is empty where features of the photo or of the run are missing.
    """
    rows = {digest: number for number, digest in enumerate(dataset.manifest["sha256"])}
    known: dict[str, tuple[list[str], np.ndarray]] = {}
    nearest: list[list[int]] = [[] for _ in asked]
    for one, found in zip(asked, nearest, strict=True):
        with suppress(PetalscopeError):
            if one.run_id not in known:
                result = read_result(workspace, one.run_id)
                digests = read_dataset(workspace, result.dataset_id).manifest["sha256"].tolist()
                known[one.run_id] = digests, read_run_features(workspace, result)
            digests, features = known[one.run_id]
            feature = read_features(workspace, [one.prediction])[0].astype(np.float32)
            if feature.any():
                most = max(1, min(NEAREST, len(digests) // 100))  # 5 of 36 would prove nothing
                order = np.argsort(-measure_cosines(features, feature), kind="stable")[:most]
                found += [rows[digests[row]] for row in order if digests[row] in rows]
    return nearest


def _judge_copies(one: ReviewedPhoto, copies: Copies, dataset: Dataset) -> ReviewedPhoto:
    """Return the photo, left out where it is a copy; a copy of a test photo is the worst."""
    for split in ("test", "validation", "train"):
        for photo, kind in copies.items():
            if dataset.splits[photo] != split or (split == "train" and kind == "near"):
                continue
            label = dataset.classes[dataset.labels[photo]]
            if split == "train":
                reason = "Already a training photo"
                reason += "." if label == one.class_name else f", labelled “{label}”."
            else:
                copied = "Copy" if kind == "exact" else "Near-duplicate"
                reason = f"{copied} of a {split} photo: training on it would inflate the scores."
            return replace(one, left_out=reason, copy_of=photo)
    return one


def make_reviewed_version(
    workspace: Workspace,
    dataset_id: str,
    *,
    who: str = "",
    on_progress: Tell = lambda *_: None,
) -> Dataset:
    """Return the new version of the dataset, with the reviewed photos as training photos.

    Feedback whose photo is left out is closed with the reason.

    Raises:
        FeedbackRefused: No reviewed photo can be added.
        DatasetMissing: There is no such dataset.
        ResultDamaged: Its photos were altered.
        DiskFull: No space left; nothing has changed.
    """
    parent = read_dataset(workspace, dataset_id)
    plan = plan_reviewed(workspace, parent)
    if not plan.added:
        close_feedback(workspace, plan.left_out, plan.dataset)
        raise _report_nothing(plan)
    photos = _list_files(workspace, plan.added)
    made = add_photos(workspace, parent, photos, on_progress=on_progress)
    close_feedback(workspace, (*plan.added, *plan.left_out), made.id)
    reason = f"{count(len(plan.added), 'reviewed photo')} added as “{made.name}”"
    counts = {"added": len(plan.added), "left_out": len(plan.left_out)}
    facts = {"dataset": made.id, "parent": parent.id, **counts}
    record_event(workspace, ModelEvent("reviewed", who=who, reason=reason, facts=facts))
    return made


def find_reviewed_dataset(workspace: Workspace) -> str | None:
    """Return the dataset to suggest for reviewed photos; None before the first training.

    It is the newest version of the champion's dataset; without a champion, of the dataset of the
    newest feedback's model, else of the last run.
    """
    champion = read_aliases(workspace).get("champion")
    datasets = [one.dataset_id for one in list_versions(workspace) if one.number == champion]
    finished = [run for run in list_runs(workspace) if run.state == "done"]
    asked = [one.run_id for one in list_feedback(workspace, limit=1)]
    finished.sort(key=lambda run: run.id not in asked)  # stable: the others stay newest first
    for dataset_id in [*datasets, *(run.recipe.dataset for run in finished)]:
        family = [one for one in list_lineage(workspace, dataset_id) if not one.problem]
        if family:
            return family[-1].id
    return None


def close_feedback(workspace: Workspace, photos: Sequence[ReviewedPhoto], dataset_id: str) -> None:
    """Close the feedback on photos that are in the dataset now, or left out with a reason."""
    columns = feedback_table.c
    with write_database(workspace) as connection:
        for one in photos:
            # Feedback reviewed again while the version was made stays open.
            still = columns.dataset.is_(None) & columns.state.in_(("accepted", "relabelled"))
            values = {"dataset": dataset_id, "left_out": one.left_out}
            for said in one.feedback:
                now = func.coalesce(columns.final_class, columns.class_name)
                which = (columns.number == said.number) & still & (now == said.true_class)
                connection.execute(update(feedback_table).where(which).values(values))


def _report_nothing(plan: ReviewedPlan) -> FeedbackRefused:
    problem = "There are no reviewed photos for this dataset."
    remedy = "Accept or relabel feedback on the page Monitoring, tab Review, first."
    if plan.left_out:
        reasons = pd.Series([one.left_out for one in plan.left_out]).value_counts()
        why = " ".join(f"{count(int(n), 'photo')}: {reason}" for reason, n in reasons.items())
        problem = f"None of {count(len(plan.left_out), 'reviewed photo')} can be added. {why}"
        remedy = "Their feedback is closed. Collect photos that are not in the dataset yet."
    return FeedbackRefused(problem, remedy, dataset=plan.dataset)
