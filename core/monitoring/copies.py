"""Reviewed photos held against a dataset: which of them must stay out of it, and why.

A copy of a validation or test photo never becomes a train photo.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import PetalscopeError, PhotoRefused
from core.monitoring.feedback import Feedback
from core.monitoring.log import read_features
from core.runs.result import read_result, read_run_features
from core.workspace import Workspace
from data.additions import map_packed
from data.dataset import Dataset
from data.duplicates import NEAREST, Copy, find_copies
from data.images import read_photo_facts, read_photo_file
from data.manifest import read_dataset
from data.packing import pack_photos
from data.sources.found import FoundPhoto

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
        table, refused = pack_photos(
            found,
            photos_file=folder / "photos",
            thumbnails_file=folder / "thumbnails",
            originals_file=folder / "originals",
            on_progress=lambda *_: None,
        )
        packed = map_packed(folder / "photos", len(table)) if len(table) else np.empty(0)
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

    None where its features, those of the model's own photos or the model are gone.
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
