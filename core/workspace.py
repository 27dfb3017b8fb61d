"""The only place that builds file-system paths, and the one way files are written.

Everything is written under a temporary name and renamed when complete, so a reader sees either the
whole file or none. Ids come from links and command lines: they are checked before they become
paths.
"""

import atexit
import errno
import functools
import hashlib
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PosixPath
from tempfile import mkdtemp
from typing import Any, BinaryIO, NoReturn, TypeVar

from core.config import read_settings
from core.errors import BadIdentifier, PetalscopeError, PlaceRefused, ReadOnly

PROJECT_ROOT = Path(__file__).resolve().parent.parent

T = TypeVar("T")

_DATABASE = "petalscope.db"
_IDENTIFIER = re.compile(r"[0-9a-z][0-9a-z-]{2,63}")


@functools.cache
def own_temporary() -> Path:
    """Return a folder for temporary files of this process only; it is deleted with the process."""
    folder = mkdtemp(prefix="petalscope-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


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


def refuse_writing(*_: object, **__: object) -> NoReturn:
    """Raise `ReadOnly`, in place of a method that writes."""
    raise ReadOnly(
        "This workspace is read-only.",
        "Ask its owner to make you an editor, or choose another one with PETALSCOPE_WORKSPACE.",
        status=403,
    )


class _ReadOnlyPath(PosixPath):
    """A path in a read-only workspace; paths derived from it are read-only, too."""

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return super().open(mode if mode in ("r", "rb") else refuse_writing(), *args, **kwargs)


_DOORS = "chmod hardlink_to mkdir rename replace rmdir symlink_to touch unlink"
for _name in _DOORS.split():
    setattr(_ReadOnlyPath, _name, refuse_writing)


class _Place:
    """A fixed path in a workspace."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, workspace: "Workspace", _owner: object) -> Path:
        return workspace.root / self._name


class _Named:
    """A path in a workspace for each id."""

    def __init__(self, folder: str, suffix: str = "") -> None:
        self._folder, self._suffix = folder, suffix

    def __get__(self, workspace: "Workspace", _owner: object) -> Callable[[str], Path]:
        def find(identifier: str) -> Path:
            check_identifier(identifier)
            return workspace.root / self._folder / f"{identifier}{self._suffix}"

        return find


@dataclass(frozen=True)
class Workspace:
    """The folder of all files of the program."""

    root: Path
    read_only: bool = False
    """Whether its paths and its database refuse to be written."""

    def __post_init__(self) -> None:
        if self.read_only:
            object.__setattr__(self, "root", _ReadOnlyPath(self.root))

    @property
    def temporary(self) -> Path:
        """Folder for temporary files; outside of a read-only workspace."""
        return own_temporary() if self.read_only else self.root / "tmp"

    datasets = _Place("datasets")
    features = _Place("features")
    maps = _Place("maps")
    """Last feature maps of single photos, cached for Grad-CAM."""
    backbones = _Place("backbones")
    weights = _Place("weights")
    """Folder of weights, downloaded or put there by hand."""
    runs = _Place("runs")
    registry = _Place("registry")
    """Files of the registered model versions, each under its digest."""
    imports = _Place("imports")
    analyses = _Place("analyses")
    policies = _Place("policies")
    """Augmentation policies that were saved under a name."""
    tags = _Place("tags")
    """Tags, each a file with its photos."""
    downloads = _Place("downloads")
    """Public datasets, stored so that they are downloaded only once."""
    exports = _Place("exports")
    """Zips of exported models, each in a folder with the job that made it."""
    kept_photos = _Place("kept_photos")
    """Classified photos that may be stored, by SHA-256."""
    database_file = _Place(_DATABASE)
    copies = _Place("copies")
    """Copies of the database that the scheduler makes."""
    scheduler_lock = _Place("scheduler.lock")
    scheduler_pid = _Place("scheduler.pid")
    scheduler_log = _Place("scheduler.log")
    registry_lock = _Place("registry.lock")
    """Held while files of the registry are written or swept."""
    retraining_lock = _Place("retraining.lock")
    """Held while a challenger is prepared, or compared with the champion."""
    alarms_lock = _Place("alarms.lock")
    """Held while the rules are checked and their alarms begin and end."""
    wake_file = _Place("wake")
    """Touched when a training is about to start: the scheduler then starts a worker."""

    dataset_folder = _Named("datasets")
    features_file = _Named("features", ".npy")
    """The .npy of features; a .json of the same name describes them."""
    maps_folder = _Named("maps")
    """Folder with <backbone>-<precision>/<photo>.map for the photos of a dataset."""
    backbone_folder = _Named("backbones")
    run_folder = _Named("runs")
    kept_photo_file = _Named("kept_photos")
    import_folder = _Named("imports")
    policy_file = _Named("policies", ".json")
    tag_file = _Named("tags", ".json")
    analysis_folder = _Named("analyses")
    export_folder = _Named("exports")


def open_workspace(root: Path | None = None, *, read_only: bool = False) -> Workspace:
    """Return the workspace of a folder (default: of the settings) and create its folders.

    It is read-only if the argument, a setting or the system says so.
    """
    settings = read_settings()
    root = (root or settings.workspace).expanduser().resolve()
    is_shut = any(one.exists() and not os.access(one, os.W_OK) for one in (root, root / _DATABASE))
    workspace = Workspace(root, read_only=read_only or settings.read_only or is_shut)
    if workspace.read_only:
        return workspace
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


def remove_folder(workspace: Workspace, folder: Path) -> None:
    """Delete a folder in one step: readers see all of it or nothing."""
    workspace.temporary.mkdir(parents=True, exist_ok=True)
    hidden = workspace.temporary / f"deleted-{os.urandom(4).hex()}"
    folder.replace(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def sweep_leftovers(workspace: Workspace) -> None:
    """Delete files and folders that killed processes left half-written or half-deleted."""
    found = [path for place in _WRITTEN for path in workspace.root.glob(f"{place}/.*-*-*")]
    found = [path for path in found if _LEFTOVER.match(path.name)]
    for path in (*found, *workspace.temporary.glob("*")):
        with suppress(OSError):  # removed or renamed by another process
            newest = max(one.stat().st_mtime for one in (path, *path.rglob("*")))
            if abs(time.time() - newest) < _OLD_S:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


_WRITTEN = (".", "*", "*/*", "runs/*/*", "runs/*/*/*", "registry/files/*")
_LEFTOVER = re.compile(r"\.(\d+|deleted)-[0-9a-f]{8}-.")
_OLD_S = 86400.0


def write_json(path: Path, content: object) -> None:
    """Write a value as indented JSON; infinite numbers and NaN are refused."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with write_atomically(path) as temporary:  # half a character becomes its escape in JSON
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def read_json_files(folder: Path, parse: Callable[[Any], T]) -> list[T]:
    """Return the parsed JSON files of a folder; damaged ones are skipped."""
    found = []
    for file in folder.glob("[!.]*.json"):
        try:
            found.append(parse(json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, PetalscopeError):
            continue
    return found


def write_whole(file: BinaryIO, content: bytes) -> None:
    """Write all of the content to an unbuffered file, whose `write` may write only a part.

    Raises:
        OSError: The disk is full.
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


# A workspace as one file

_PASSING = ("tmp", "copies", "petalscope.db", "scheduler.", "wake")
"""Prefixes of temporary files, and of the index, which is added separately."""


def write_backup(workspace: Workspace, target: Path, index: Path | None) -> int:
    """Write a backup that only its owner can read, and return its number of files.

    Args:
        index: An intact copy of the database, if there is one.
    """
    files = [path for path in sorted(workspace.root.rglob("*")) if path.is_file()]
    with write_atomically(target) as temporary, temporary.open("xb") as file:
        temporary.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w") as archive:
            if index is not None:
                archive.add(index, "petalscope.db")
            for path in files:
                name = path.relative_to(workspace.root).as_posix()
                passing = name.startswith(_PASSING) or name.endswith(".lock")
                if not passing and path != target:
                    with suppress(FileNotFoundError):  # replaced or deleted by another process
                        archive.add(path, name)
            return len(archive.getmembers())


def restore_backup(workspace: Workspace, source: Path) -> int:
    """Restore a backup into an empty workspace, and return its number of files.

    Raises:
        PlaceRefused: The workspace is not empty, or the file is not a backup.
    """
    if any(path.is_file() for path in workspace.root.rglob("*")):
        raise PlaceRefused(
            f"The workspace {workspace.root} is not empty.",
            "Choose a new one with PETALSCOPE_WORKSPACE.",
        )
    try:
        with tarfile.open(source, "r:") as archive:
            members = archive.getmembers()
            archive.extractall(workspace.root, members, filter="data")
    except (tarfile.TarError, EOFError) as error:
        shutil.rmtree(workspace.root, ignore_errors=True)
        raise PlaceRefused(
            f"{source} is not a backup, or is truncated ({error}).", "Use another backup."
        ) from error
    return len(members)
