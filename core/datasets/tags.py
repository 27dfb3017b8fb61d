"""Tags of photos, stored by content: a photo has them in every dataset version.

Each tag is a JSON file with a sorted list of SHA-256, written under one lock. A tag without photos
is deleted. Upper and lower case are the same tag; the first spelling stays.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.config import fingerprint
from core.errors import TagRefused
from core.formats import check_name, guard_cells, settle_name
from core.runs.locks import hold_lock
from core.workspace import Workspace, read_json_files, write_json
from data.dataset import Dataset

LONGEST_TAG, MOST_TAGS = 40, 200
_VERSION = 1


@dataclass(frozen=True, eq=False)
class PhotoTags:
    """The tags of the photos of a dataset, in the order of its rows."""

    names: tuple[str, ...]
    """Tags in this dataset, alphabetical."""
    borne: np.ndarray
    """(n, tags) bool: whether the photo has the tag."""

    @cached_property
    def counts(self) -> dict[str, int]:
        """Tag → number of photos of the dataset."""
        return dict(zip(self.names, self.borne.sum(axis=0).tolist(), strict=True))

    def name_tags(self, photo: int) -> list[str]:
        """Return the tags of a photo."""
        return [self.names[number] for number in np.flatnonzero(self.borne[photo])]

    def find_bearers(self, name: str) -> np.ndarray:
        """Return which photos have a tag, (n,) bool, in any spelling.

        Raises:
            TagRefused: The name is not possible.
        """
        asked = identify_tag(name)
        same = [identify_tag(one) == asked for one in self.names]
        return np.asarray(self.borne[:, same].any(axis=1))


def identify_tag(name: str) -> str:
    """Return the id that all spellings of a tag share.

    Raises:
        TagRefused: The name is not possible.
    """
    return fingerprint({"tag": check_tag(name).casefold()})


def check_tag(name: str) -> str:
    """Return the name in its stored form.

    Raises:
        TagRefused: It is empty, too long, or has invisible characters.
    """
    return check_name(name, LONGEST_TAG, "a tag", TagRefused)


def list_tags(workspace: Workspace) -> dict[str, int]:
    """Return all tags, alphabetical, and their number of photos in all datasets."""
    return {name: len(digests) for name, digests in _read_all(workspace)}


def read_tags(workspace: Workspace, dataset: Dataset) -> PhotoTags:
    """Return the tags of the photos of a dataset; damaged files are left out."""
    rows = dataset.manifest["sha256"].to_list()
    columns = {
        name: np.fromiter((row in bearers for row in rows), bool, len(rows))
        for name, bearers in ((name, set(digests)) for name, digests in _read_all(workspace))
    }
    there = {name: borne for name, borne in columns.items() if borne.any()}
    borne = np.array(list(there.values()), dtype=bool).reshape(-1, len(rows)).T
    return PhotoTags(tuple(there), borne)


def write_tags_csv(dataset: Dataset, tags: PhotoTags) -> str:
    """Return a CSV with a row for each tag of each photo of a dataset."""
    photos, numbers = np.nonzero(tags.borne)
    table = dataset.manifest[["path", "class", "split", "sha256"]].iloc[photos]
    table = table.assign(tag=[tags.names[number] for number in numbers])
    return str(guard_cells(table).to_csv(index=False))


def stamp_tags(workspace: Workspace) -> tuple[tuple[str, int, int], ...]:
    """Return a cache key that changes with each change of a tag."""
    files = ((file.name, file.stat()) for file in sorted(workspace.tags.glob("[!.]*.json")))
    return tuple((name, facts.st_ino, facts.st_mtime_ns) for name, facts in files)


def set_tag(
    workspace: Workspace, dataset: Dataset, photos: Sequence[int], name: str, *, on: bool = True
) -> int:
    """Tag photos of the dataset, or with on=False remove the tag, and return how many changed.

    Raises:
        TagRefused: A photo or the name is not possible, or there are too many tags.
    """
    digests = _list_digests(dataset, photos)
    name, path = check_tag(name), workspace.tag_file(identify_tag(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(path.parent / ".lock"):
        name, before = _read_or_begin(path, name) if on or path.exists() else (name, set())
        after = before | set(digests) if on else before - set(digests)
        if after and after != before:
            write_json(path, {"version": _VERSION, "name": name, "photos": sorted(after)})
        elif not after:
            path.unlink(missing_ok=True)
        return sum((digest in before) != on for digest in digests)


def _list_digests(dataset: Dataset, photos: Sequence[int]) -> list[str]:
    rows = list(dict.fromkeys(int(photo) for photo in photos))
    if not rows or not all(0 <= row < len(dataset) for row in rows):
        raise TagRefused(
            "Photos to tag must be in this dataset.",
            "Choose at least one photo of the dataset.",
        )
    return list(dataset.manifest["sha256"].iloc[rows])


def _read_or_begin(path: Path, name: str) -> tuple[str, set[str]]:
    if not path.exists():
        if len(list(path.parent.glob("[!.]*.json"))) >= MOST_TAGS:
            raise TagRefused(
                f"There are already {MOST_TAGS} tags.",
                "Use one of them, or remove one from all its photos.",
            )
        return name, set()
    try:
        name, digests = _parse(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise TagRefused(
            f"The file of the tag “{name}” was altered.", f"Repair or delete it: {path}."
        ) from error
    return name, set(digests)


def _read_all(workspace: Workspace) -> list[tuple[str, list[str]]]:
    return sorted(read_json_files(workspace.tags, _parse), key=lambda tag: tag[0].casefold())


def _parse(content: Any) -> tuple[str, list[str]]:
    """Return name and digests of a file; a bad one raises ValueError, KeyError or TypeError."""
    if content["version"] != _VERSION:
        raise ValueError("of another version of the program")
    name, digests = content["name"], content["photos"]
    if not isinstance(digests, list) or not all(isinstance(one, str) for one in digests):
        raise TypeError("not a list of digests")
    if settle_name(name, LONGEST_TAG) != name:
        raise ValueError("not the name of a tag")
    return name, digests
