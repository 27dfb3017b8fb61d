"""The files that a version shares with its parent: linked where they are equal, else copied.

Hard links are safe, as no file of a dataset is ever written in place; each version stays whole when
the other is deleted.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ResultDamaged
from data.dataset import FACTS, ORIGINALS, PHOTOS, SET_ASIDE, THUMBNAILS, Dataset

_BLOCK = 128  # photos copied at a time, 19 MB
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES)


def bring_files(
    parent: Dataset, folder: Path, excluded: np.ndarray, report: Callable[[int, int], None]
) -> None:
    """Returns nothing; the folder has all files of the parent that do not say classes and splits.

    Args:
        parent: Stays as it is.
        folder: Where the version is made.
        excluded: (m,) int numbers of the photos that the version leaves out.
        report: Told the photos copied and all of them; never called when nothing is copied.

    Raises:
        ResultDamaged: The parent's photos were altered.
    """
    linked = [SET_ASIDE, THUMBNAILS, ORIGINALS]
    if len(excluded):
        _copy_photos(parent, folder / PHOTOS, excluded, report)
    else:
        linked.append(PHOTOS)
    for name in linked:
        _link_or_copy(parent.folder / name, folder / name)


def check_links(parent: Dataset, folder: Path) -> None:
    """Returns nothing when the files that both share are what the parent had when it was made.

    Raises:
        ResultDamaged: One was altered.
    """
    before, after = read_facts(parent.folder)["files"], read_facts(folder)["files"]
    for name in (THUMBNAILS, ORIGINALS, PHOTOS):
        shared = (folder / name).stat().st_size == before[name]["bytes"]
        if shared and after[name]["sha256"] != before[name]["sha256"]:
            raise _report_altered(parent, name)


def read_facts(folder: Path) -> dict[str, Any]:
    """Returns what dataset.json of a dataset that was read says."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts


def list_ancestors(dataset: Dataset) -> list[str]:
    """Returns the ids of the versions that it came of, the import first, and its own, last.

    Kept in each version, because those between may be deleted.
    """
    known = read_facts(dataset.folder).get("ancestors")
    if known is None:  # made by an older program
        known = [dataset.parent] if dataset.parent else []
    return [*known, dataset.id]


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)


def _copy_photos(
    parent: Dataset, target: Path, excluded: np.ndarray, report: Callable[[int, int], None]
) -> None:
    """Copies the packed photos but the excluded ones, and checks all by their digest."""
    shape = parent.photos.shape[1:]
    size = int(np.prod(shape))
    stays = np.ones(len(parent), dtype=bool)
    stays[excluded] = False
    digest = hashlib.sha256()
    with parent.photos_file.open("rb") as source, target.open("wb") as file:
        # Plain reads: mapped pages of a gigabyte would fill the memory of the page server.
        digest.update(source.read(parent.photos_file.stat().st_size - len(parent) * size))
        header = {"descr": "|u1", "fortran_order": False, "shape": (int(stays.sum()), *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(parent), _BLOCK):
            content = source.read(_BLOCK * size)
            digest.update(content)
            block = np.frombuffer(content, np.uint8).reshape(-1, size)
            file.write(block[stays[start : start + _BLOCK]].tobytes())
            done = min(start + _BLOCK, len(parent))
            report(done, len(parent))
    if digest.hexdigest() != read_facts(parent.folder)["files"][PHOTOS]["sha256"]:
        raise _report_altered(parent, PHOTOS)


def _report_altered(parent: Dataset, name: str) -> ResultDamaged:
    return ResultDamaged(
        f"The dataset “{parent.name}” is damaged: {name} was altered.",
        "Import it again; the same photos give the same dataset. The edits stay in the tray.",
        dataset=parent.id,
    )
