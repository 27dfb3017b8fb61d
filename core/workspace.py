"""The only place that builds file-system paths, and the one way files are written.

Everything is written under a temporary name and renamed when complete, so a reader sees either the
whole file or none. Ids come from links and command lines: they are checked before they become
paths.
"""

import errno
import functools
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.config import read_settings
from core.errors import DISK_FULL_ERRNOS, BadIdentifier, DiskFull, PetalscopeError, PlaceRefused

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_IDENTIFIER = re.compile(r"[0-9a-z][0-9a-z-]{2,63}")


def check_identifier(identifier: str) -> str:
    """Return the id unchanged.

    Raises:
        BadIdentifier: It could not have come from this program (a path, say).
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise BadIdentifier(
            f"“{identifier[:80]}” is not an id of this workbench.",
            "Choose a dataset or run from the list instead of typing its address.",
            identifier=identifier,
        )
    return identifier


@dataclass(frozen=True)
class Workspace:
    """The folder of everything the program makes."""

    root: Path

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written here: pages show it all the same."""
        places = (self.root, self.database_file)
        return any(place.exists() and not os.access(place, os.W_OK) for place in places)

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def maps(self) -> Path:
        """Last maps of single photos, kept when somebody wanted to see what a run looked at."""
        return self.root / "maps"

    @property
    def backbones(self) -> Path:
        return self.root / "backbones"

    @property
    def weights(self) -> Path:
        """Folder where downloaded weights, or weights put there by hand, are looked for."""
        return self.root / "weights"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def registry(self) -> Path:
        """Files of the registered model versions, each under its digest."""
        return self.root / "registry"

    @property
    def imports(self) -> Path:
        return self.root / "imports"

    @property
    def analyses(self) -> Path:
        return self.root / "analyses"

    @property
    def policies(self) -> Path:
        """Augmentation policies that were saved under a name."""
        return self.root / "policies"

    @property
    def views(self) -> Path:
        """Queries of photos that were saved under a name."""
        return self.root / "views"

    @property
    def selections(self) -> Path:
        """Photos that were saved under a name."""
        return self.root / "selections"

    @property
    def tags(self) -> Path:
        """Tags of photos, each a file that names them."""
        return self.root / "tags"

    @property
    def downloads(self) -> Path:
        """Public datasets fetched from their makers; kept, so that they are fetched once."""
        return self.root / "downloads"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def exports(self) -> Path:
        """Zips of exported models, each in a folder with the job that made it."""
        return self.root / "exports"

    @property
    def kept_photos(self) -> Path:
        """Photos that people asked about, as far as they may be kept; by SHA-256."""
        return self.root / "kept_photos"

    @property
    def database_file(self) -> Path:
        return self.root / "petalscope.db"

    @property
    def copies(self) -> Path:
        """Copies of the database, which the scheduler makes."""
        return self.root / "copies"

    @property
    def scheduler_lock(self) -> Path:
        return self.root / "scheduler.lock"

    @property
    def scheduler_pid(self) -> Path:
        return self.root / "scheduler.pid"

    @property
    def scheduler_log(self) -> Path:
        return self.root / "scheduler.log"

    @property
    def retraining_lock(self) -> Path:
        """Held while a challenger is prepared, or compared with the champion."""
        return self.root / "retraining.lock"

    @property
    def alarms_lock(self) -> Path:
        """Held while the rules are checked and their alarms begin and end."""
        return self.root / "alarms.lock"

    @property
    def wake_file(self) -> Path:
        """Touched when somebody is about to train: the scheduler then keeps a worker warm."""
        return self.root / "wake"

    @property
    def speeds_file(self) -> Path:
        """How fast this machine was at each kind of work, for estimates."""
        return self.root / "speeds.json"

    def dataset_folder(self, dataset_id: str) -> Path:
        return self.datasets / check_identifier(dataset_id)

    def features_file(self, features_id: str) -> Path:
        """The .npy of features; what they are stands beside it in a .json of the same name."""
        return self.features / f"{check_identifier(features_id)}.npy"

    def maps_folder(self, dataset_id: str) -> Path:
        """Hold <backbone>-<precision>/<photo>.map of the photos of a dataset."""
        return self.maps / check_identifier(dataset_id)

    def backbone_folder(self, backbone_id: str) -> Path:
        return self.backbones / check_identifier(backbone_id)

    def run_folder(self, run_id: str) -> Path:
        return self.runs / check_identifier(run_id)

    def kept_photo_file(self, digest: str) -> Path:
        return self.kept_photos / check_identifier(digest)

    def import_folder(self, import_id: str) -> Path:
        return self.imports / check_identifier(import_id)

    def policy_file(self, policy_id: str) -> Path:
        return self.policies / f"{check_identifier(policy_id)}.json"

    def view_file(self, view_id: str) -> Path:
        """Return the file of a saved view."""
        return self.views / f"{check_identifier(view_id)}.json"

    def selection_file(self, selection_id: str) -> Path:
        return self.selections / f"{check_identifier(selection_id)}.json"

    def tag_file(self, tag_id: str) -> Path:
        return self.tags / f"{check_identifier(tag_id)}.json"

    def analysis_folder(self, analysis_id: str) -> Path:
        return self.analyses / check_identifier(analysis_id)

    def export_folder(self, export_id: str) -> Path:
        return self.exports / check_identifier(export_id)


def open_workspace() -> Workspace:
    """Return the workspace of the settings, with its folders made."""
    workspace = Workspace(read_settings().workspace.expanduser().resolve())
    for folder in (
        workspace.datasets,
        workspace.features,
        workspace.backbones,
        workspace.weights,
        workspace.runs,
        workspace.imports,
        workspace.analyses,
        workspace.downloads,
        workspace.temporary,
    ):
        folder.mkdir(parents=True, exist_ok=True)
    return workspace


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; renames it to `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def make_folder_atomically(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder; renames it to `folder` when the block ends well.

    A folder that is already there wins: equal ids mean equal content, so the new one is dropped.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{os.getpid()}-{os.urandom(4).hex()}-{folder.name}")
    temporary.mkdir()
    try:
        yield temporary
        if not folder.exists():
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_whole(file: BinaryIO, content: bytes) -> None:
    """Write all of the content to an unbuffered file, whose `write` may take less and not say so.

    Raises:
        OSError: There is no room for all of it.
    """
    if file.write(content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def digest_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def digest_once(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file, remembered by its path, size and time of change."""
    facts = path.stat()
    return _digest(path, algorithm, facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, size: int, mtime_ns: int) -> str:  # noqa: ARG001
    return digest_file(path, algorithm)


def describe_os_error(error: OSError) -> PetalscopeError | None:
    """Return in our words why a file cannot be read or written; None where it is our mistake."""
    file = f"“{error.filename}”" if error.filename else "A file"
    if error.errno in DISK_FULL_ERRNOS:
        return DiskFull(f"{file} could not be written: the disk is full.", "Make room, try again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PlaceRefused(
            f"{file} cannot be used: {os.strerror(error.errno)}.",
            "Look whose it is and where it lies, or name another workspace with "
            "PETALSCOPE_WORKSPACE. What is there can be looked at, not changed.",
        )
    return None
