"""A dataset in Python: its photos, tags and faults, and the effect of changes."""

import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.api.shown import Bars, Found, Shown, draw_table, show_change, show_photos
from core.datasets.edits.changes import Wish, resolve_edits, settle_wish
from core.datasets.photo_table import NAMES, describe_photos
from core.datasets.quality import store
from core.datasets.tags import read_tags, set_tag
from core.errors import BadIdentifier, PetalscopeError
from core.exact.store import find_source, prepare_head
from core.exact.whatif import predict_effect
from core.formats import count
from core.runs.following import POLL_S
from core.runs.jobs import read_job
from core.workspace import Workspace as Folder
from data import dataset as stored
from data.images import read_photo_file
from data.splits import SPLITS
from models.weights import name_usual

Photo = int | str | Path | bytes
_WORST = {"suspect": ("suggested", "label_score"), "outlier": ("outlier_score",)}
"""Fault → columns of its photos; the last one sorts them."""


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
            found = rows["sha256"] == sha256(read_photo(photo)).hexdigest()
        if not found.any():
            remedy = "Give its number or path, as in `.photos`, or a file with the same bytes."
            raise BadIdentifier(f"“{str(photo)[:80]}” is not in “{self.name}”.", remedy)
        return int(np.flatnonzero(found)[0])

    def tag(self, photos: Photo | Iterable[Photo], name: str) -> int:
        """Tag photos and return the number of newly tagged ones.

        >>> flowers.tag([3, 5], "blurred")
        2
        """
        return set_tag(self.folder, self.files, self._find_all(photos), name)

    def quality(self, weights: str = "") -> Found:
        """Find duplicates, outliers, suspect labels and faulty photos; the first call analyses.

        >>> flowers.quality(weights="random")["duplicate"]
        Duplicate: 0 photos
        """
        analysis = store.read_quality(self.folder, self.id)
        if analysis is None:
            self._analyse(weights)
            analysis = store.read_quality(self.folder, self.id)
        known, groups = self.photos, {}
        for name, flags in store.find_flags(self.files.manifest, analysis).items():
            columns = ["class", *_WORST.get(str(name), ()), "path"]
            order = columns[-2 if name in _WORST else -1]
            some = known.loc[flags.to_numpy(), columns]
            some = some.sort_values(order, ascending=name != "outlier")
            groups[str(name)] = show_photos(self.files, NAMES[str(name)], some)
        return Found((repr(self),), photos=groups, facts=analysis)

    def whatif(
        self, exclude: Photo | Iterable[Photo] = (), relabel: Mapping[Any, str] | None = None
    ) -> Found:
        """Predict the effect of a change with the exact head; the dataset stays as it is.

        >>> flowers.whatif(exclude=[0], relabel={1: "rose"}).n
        6
        """
        named, known = self.files.manifest["path"], [*self.classes]
        wishes = [Wish(named[one], "exclude") for one in self._find_all(exclude)]
        wishes += [
            Wish(named[self.find(one)], "relabel", to) for one, to in (relabel or {}).items()
        ]
        changes = resolve_edits(self.files, [settle_wish(one, known) for one in wishes])
        head = prepare_head(self.folder, find_source(self.folder, self.files))
        effect = predict_effect(head, self.files, changes)
        return show_change(self.files, effect, "Predicted by the exact head.")

    def _find_all(self, photos: Photo | Iterable[Photo]) -> list[int]:
        """Return the numbers of photos; one alone is allowed."""
        listed = [photos] if isinstance(photos, int | str | Path | bytes) else photos
        return [self.find(one) for one in listed]

    def _analyse(self, weights: str) -> None:
        """Show the progress of the quality analysis until it ends."""
        cached = [one.kind for one in store.find_feature_sets(self.folder, self.id)]
        kind = weights or name_usual(self.folder, cached)
        place = self.folder.analysis_folder(store.request_analysis(self.folder, self.id, kind))
        with Bars() as bars:
            while (job := read_job(place)) is not None and job.state == "running":
                bars.advance(job.phase, job.done, job.total)
                time.sleep(POLL_S)
        if job is not None and job.state == "failed":
            raise PetalscopeError(job.problem, job.remedy, code=job.code)

    def _say(self) -> Iterator[str]:
        splits = ", ".join(f"{len(self.files.photo_numbers(one)):,} {one}" for one in SPLITS)
        n, k = count(len(self.files), "photo"), count(len(self.classes), "class")
        yield f"{self.name}: {n} in {k} ({splits})"

    def _draw(self) -> Iterator[str]:
        yield draw_table(pd.crosstab(self.photos["class"], self.photos["split"]))


def read_photo(photo: str | Path | bytes) -> bytes:
    """Return the bytes of a photo."""
    return photo if isinstance(photo, bytes) else read_photo_file(Path(photo).expanduser())
