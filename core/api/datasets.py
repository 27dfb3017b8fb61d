"""A dataset in Python: its photos, tags and faults, and the effect of changes."""

import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.api.shown import Bars, Found, Photos, Shown, draw_table, show_change
from core.datasets.edits.changes import settle_class
from core.datasets.photo_table import NAMES, describe_photos
from core.datasets.quality import store
from core.datasets.tags import add_tag, read_tags
from core.errors import BadIdentifier, PetalscopeError
from core.formats import count
from core.runs.following import POLL_S
from core.runs.jobs import read_job
from core.workspace import Workspace as Folder
from data import dataset as stored
from data.images import read_photo_file
from data.splits import SPLITS
from models.weights import name_usual

Photo = int | str | Path | bytes
_WORST = {"suspect": ("label_score", True), "outlier": ("outlier_score", False)}
"""Fault → the column that sorts its photos, and whether the lowest is the worst."""


class Dataset(Shown):
    """A dataset version."""

    def __init__(self, folder: Folder, files: stored.Dataset) -> None:
        self.folder, self.files = folder, files
        self.id, self.name, self.classes = files.id, files.name, files.classes

    @property
    def photos(self) -> pd.DataFrame:
        """All that is known of each photo without a run.

        >>> int((flowers.photos["class"] == "rose").sum())
        12
        """
        analysis = store.read_quality(self.folder, self.id)
        return describe_photos(self.files, analysis, read_tags(self.folder, self.files))

    def find(self, photo: Photo) -> int:
        """Return the number of a photo.

        >>> flowers.find(flowers.photos.path[7])
        7
        """
        rows = self.files.manifest
        if isinstance(photo, int | np.integer):
            found = rows.index == photo
        elif not (found := rows["path"] == str(photo)).any():
            found = rows["sha256"] == sha256(read_file(photo)).hexdigest()
        if not found.any():
            remedy = "Give its number or path, as in `.photos`, or a file with the same bytes."
            raise BadIdentifier(f"“{str(photo)[:80]}” is not in “{self.name}”.", remedy)
        return int(np.flatnonzero(found)[0])

    def tag(self, photos: Photo | Iterable[Photo], name: str) -> int:
        """Tag photos and return the number of newly tagged ones.

        >>> flowers.tag([3, 5], "blurred")
        2
        """
        return add_tag(
            self.folder, self.files, [self.find(one) for one in list_photos(photos)], name
        )

    def quality(self, weights: str = "") -> Found:
        """Find duplicates, outliers, suspect labels and faulty photos; the first call analyses.

        >>> flowers.quality(weights="random")["duplicate"]
        Duplicate: 0 photos
        """
        analysis = store.read_quality(self.folder, self.id)
        if analysis is None:
            cached = [one.kind for one in store.find_feature_sets(self.folder, self.id)]
            kind = weights or name_usual(self.folder, cached)
            _wait_for_analysis(self.folder, store.request_analysis(self.folder, self.id, kind))
            analysis = store.read_quality(self.folder, self.id)
        flags = store.find_flags(self.files.manifest, analysis)
        known, groups = self.photos, {}
        for name in flags:
            column, ascending = _WORST.get(name, ("path", True))
            found = known[flags[name].to_numpy()].sort_values(column, ascending=ascending)
            shown = ["class", *(["suggested"] if name == "suspect" else []), column, "path"]
            groups[name] = Photos(self.files, NAMES[name], found[list(dict.fromkeys(shown))])
        return Found((repr(self),), pd.DataFrame(), groups, analysis)

    def whatif(
        self, exclude: Photo | Iterable[Photo] = (), relabel: Mapping[Any, str] | None = None
    ) -> Found:
        """Predict the effect of a change with the exact head; the dataset stays as it is.

        >>> flowers.whatif(exclude=[0], relabel={1: "rose"}).n
        6
        """
        from core.exact.store import find_source, prepare_head
        from core.exact.whatif import predict_effect

        one, out = self.files, {self.find(photo) for photo in list_photos(exclude)}
        new = {self.find(of): settle_class(to, one.classes) for of, to in (relabel or {}).items()}
        photos = np.array(sorted(out | set(new)), dtype=np.int64)
        names = [new.get(photo, one.classes[one.labels[photo]]) for photo in photos]
        table = {"photo": photos, "new_class": names, "new_split": one.splits[photos]}
        changes = pd.DataFrame(table | {"excluded": np.isin(photos, [*out])})
        head = prepare_head(self.folder, find_source(self.folder, one))
        effect = predict_effect(head, one, changes)
        answers = effect.labels, effect.before, effect.after, effect.classes
        return show_change(one, effect.photos, answers, "Predicted by the exact head.")

    def _say(self) -> Iterator[str]:
        splits = ", ".join(f"{len(self.files.photo_numbers(one)):,} {one}" for one in SPLITS)
        n, k = count(len(self.files), "photo"), count(len(self.classes), "class")
        yield f"{self.name}: {n} in {k} ({splits})"

    def _draw(self) -> Iterator[str]:
        yield draw_table(pd.crosstab(self.photos["class"], self.photos["split"]))


def check_choice(chosen: str, choices: Iterable[str]) -> None:
    """Check that a name is one of several.

    Raises:
        BadIdentifier: It is not.
    """
    if chosen not in (known := list(choices)):
        raise BadIdentifier(f"Unknown name “{chosen}”.", f"Choose from: {', '.join(known)}.")


def list_photos(photos: Photo | Iterable[Photo]) -> list[Photo]:
    """Return photos as a list; one alone is allowed."""
    return [photos] if isinstance(photos, int | str | Path | bytes) else list(photos)


def read_file(photo: str | Path | bytes) -> bytes:
    """Return the bytes of a photo."""
    return photo if isinstance(photo, bytes) else read_photo_file(Path(photo).expanduser())


def _wait_for_analysis(folder: Folder, identifier: str) -> None:
    """Show the progress of an analysis until it ends.

    Raises:
        PetalscopeError: It failed.
    """
    place = folder.analysis_folder(identifier)
    with Bars() as bars:
        while (job := read_job(place)) is not None and job.state == "running":
            bars.advance(job.phase, job.done, job.total)
            time.sleep(POLL_S)
    if job is not None and job.state == "failed":
        raise PetalscopeError(job.problem, job.remedy, code=job.code)
