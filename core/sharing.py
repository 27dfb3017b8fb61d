"""The large things of a workspace in object storage, where PETALSCOPE_STORAGE_URL names a place.

A thing is what lies under workspace/<kind>/<id>: a dataset, features, a run. Storage keeps its
pieces under their SHA-256, so that versions share what they have in common, and a record that
names them, written last. A thing here has a stamp: the record, and which of its files are here.
What is not is fetched when it is asked for (`find`), so that the workspace may be a small cache.
"""

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from core.config import fingerprint, read_settings
from core.errors import StorageFailed
from core.runs.locks import hold_lock
from core.storage import Storage, open_storage
from core.workspace import Workspace, write_atomically, write_json

KINDS = ("datasets", "backbones", "features", "registry", "runs", "exports")
ROWS = 512
"""Of an array in a piece: of packed photos 77 MB."""
_BLOCK = 2**26
_MOST = 2**27
"""Bytes of a piece."""
_DROPPED = {".npy", ".bin"}
_KEPT = {"thumbnails.bin"}
"""What pages read all the time, though it is large."""
_ASK_AGAIN_S = 5.0
_absent: dict[tuple[str, Path], float] = {}
"""What storage did not have either → when it was asked."""


class Piece(NamedTuple):
    """A run of bytes, by its SHA-256."""

    sha256: str
    size: int


class StoredFile(NamedTuple):
    """A file of a thing; `modified` is its time here in ns, 0 where storage alone has it."""

    pieces: tuple[Piece, ...]
    modified: int = 0

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


Record = dict[str, StoredFile]
"""Path below the workspace → the file."""


@dataclass(frozen=True)
class Sharing:
    """A workspace and the storage behind it."""

    storage: Storage
    root: Path

    def push(self, key: str) -> bool:
        """Return whether anything of a thing was new or changed, and is in storage now."""
        before, record = self.read_stamp(key), {}
        for path in self._list_files(key):
            with suppress(FileNotFoundError):  # replaced or deleted meanwhile
                name, facts = path.relative_to(self.root).as_posix(), path.stat()
                known = before.get(name)
                if known and (known.size, known.modified) == (facts.st_size, facts.st_mtime_ns):
                    record[name] = known
                else:
                    pieces = tuple(self.write_piece(content) for content in _cut(path))
                    record[name] = StoredFile(pieces, facts.st_mtime_ns)
        with self._hold_stamp(key):
            now = self.read_stamp(key)
            for name, file in now.items():  # dropped, or fetched since we looked
                is_here = (self.root / name).exists()
                if name not in record if is_here else not file.modified:
                    record[name] = file
            if not record or record == now:
                return False
            self.storage.write(_name_record(key), _describe(record).encode())
            self._write_stamp(key, record)
        return True

    def pull(self, key: str, wanted: Callable[[str], bool] = lambda _: True) -> bool:
        """Return whether storage has a thing, whose wanted files are then here as it has them."""
        record = self.read_record(key)
        if record is None:
            return False
        before, now, fetched = self.read_stamp(key), {}, set()
        places = {name: self._place(key, name) for name in record}
        for name, file in record.items():
            path, known = places[name], before.get(name)
            if known is not None and known.pieces == file.pieces and path.exists():
                now[name] = known  # what was written here since is newer
            elif wanted(name):
                now[name] = StoredFile(file.pieces, self._fetch(path, file))
                fetched.add(name)
            else:
                now[name] = StoredFile(file.pieces)
        with self._hold_stamp(key):
            for name, file in self.read_stamp(key).items():  # dropped meanwhile, or fetched
                if name in now.keys() - fetched and now[name].pieces == file.pieces:
                    now[name] = file
            for name in before.keys() - now.keys():
                self._place(key, name).unlink(missing_ok=True)
            self._write_stamp(key, now)
        return True

    def forget(self, key: str) -> None:
        """Delete a thing from storage, and of its pieces those that no other thing has."""
        pieces = _list_pieces(self.read_stamp(key))
        self.storage.delete(_name_record(key))
        self._stamp(key).unlink(missing_ok=True)
        for other in self.list_stamped():
            pieces -= _list_pieces(self.read_stamp(other))
        for piece in pieces:
            self.storage.delete(_name_piece(piece.sha256))

    def drop(self, most: int) -> int:
        """Return how many bytes went here, of files that storage has, unused longest first.

        Args:
            most: Bytes that such files may take.
        """
        here = []
        for key in self.list_stamped():
            for name, file in self.read_stamp(key).items():
                path = self.root / name
                if path.suffix in _DROPPED and path.name not in _KEPT and path.exists():
                    facts = path.stat()
                    if facts.st_mtime_ns == file.modified:
                        here.append((facts.st_atime, facts.st_size, key, name))
        over, freed = sum(size for _, size, _, _ in here) - most, 0
        for _, size, key, name in sorted(here):
            if freed >= over:
                break
            freed += size if self._drop_file(key, name) else 0
        return freed

    def _drop_file(self, key: str, name: str) -> bool:
        """Return whether a file went here; what storage lacks is put there by the next push."""
        path, record = self.root / name, self.read_record(key) or {}
        with self._hold_stamp(key):
            stamp = self.read_stamp(key)
            file = stamp.get(name)
            if file is None or not path.exists() or path.stat().st_mtime_ns != file.modified:
                return False  # written, or fetched anew, meanwhile
            stored = name in record and record[name].pieces == file.pieces
            if stored and all(self.storage.has(_name_piece(one.sha256)) for one in file.pieces):
                self._write_stamp(key, stamp | {name: file._replace(modified=0)})
                path.unlink()
                return True
            self._write_stamp(key, {one: known for one, known in stamp.items() if one != name})
            return False

    def read_record(self, key: str) -> Record | None:
        """Return what storage says of a thing; None where it has none."""
        if not self.storage.has(_name_record(key)):
            return None
        try:
            return _read(self.storage.read(_name_record(key)))
        except (ValueError, TypeError, AttributeError) as error:
            raise StorageFailed(
                f"The record of {key} in {self.storage.address} was altered, or written just now.",
                "Try again; if it stays so, delete it where nothing is missing: it is put anew.",
                thing=key,
            ) from error

    def read_stamp(self, key: str) -> Record:
        """Return what is known here of a thing in storage; empty: nothing."""
        try:
            return _read(self._stamp(key).read_bytes())
        except (FileNotFoundError, ValueError, TypeError):
            return {}

    def list_stamped(self) -> list[str]:
        """Return the things that were put into storage, or taken from it, here."""
        stamps = sorted(self._stamps.glob("*/[!.]*.json"))
        return [f"{stamp.parent.name}/{stamp.stem}" for stamp in stamps]

    def list_away(self) -> list[str]:
        """Return the files of things here that storage alone has."""
        names = (name for key in self.list_stamped() for name in self.read_stamp(key))
        return [name for name in names if not (self.root / name).exists()]

    def list_things(self) -> list[str]:
        """Return the things that are here."""
        found = set()
        for kind in KINDS:
            for path in (self.root / kind).glob("[!.]*"):
                found.add(f"{kind}/{path.name.partition('.')[0]}")
        return sorted(found)

    def write_piece(self, content: bytes) -> Piece:
        """Return the piece that these bytes are in storage."""
        piece = Piece(hashlib.sha256(content).hexdigest(), len(content))
        if not self.storage.has(_name_piece(piece.sha256)):
            self.storage.write(_name_piece(piece.sha256), content)
        return piece

    def read_piece(self, piece: Piece) -> bytes:
        """Return the bytes of a piece.

        Raises:
            StorageFailed: It is not there, or was altered.
        """
        content = self.storage.read(_name_piece(piece.sha256), piece.size)
        if hashlib.sha256(content).hexdigest() != piece.sha256:
            raise StorageFailed(
                f"A piece in {self.storage.address} was altered.",
                "Delete it: it is written again by a workspace that has what it is of.",
                piece=piece.sha256,
            )
        return content

    def _fetch(self, path: Path, file: StoredFile) -> int:
        """Return the time of a file, in ns, that is here now."""
        with write_atomically(path) as temporary:
            with temporary.open("wb") as out:
                for piece in file.pieces:
                    out.write(self.read_piece(piece))
            return temporary.stat().st_mtime_ns

    def _list_files(self, key: str) -> Iterator[Path]:
        kind, _, name = key.partition("/")
        for top in sorted((self.root / kind).glob(f"{name}*")):
            if top.name.partition(".")[0] == name:
                for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                    if path.is_file() and path.name[0] != "." and path.suffix != ".lock":
                        yield path

    def _place(self, key: str, name: str) -> Path:
        """Return where a file is here; a record may come from whoever may write into storage."""
        path = (self.root / name).resolve()
        is_its_own = name.startswith((f"{key}/", f"{key}."))
        if not (is_its_own and path.is_relative_to(self.root.resolve())):
            raise StorageFailed(
                f"The record of {key} in {self.storage.address} names a file that is not its own.",
                "Look who may write there; then delete the record.",
                thing=key,
            )
        return self.root / name

    @property
    def _stamps(self) -> Path:
        """Where stamps are: another storage has not what this one has."""
        return self.root / "shared" / fingerprint({"address": self.storage.address})

    def _stamp(self, key: str) -> Path:
        return self._stamps / f"{key}.json"

    @contextmanager
    def _hold_stamp(self, key: str) -> Iterator[None]:
        """Let no other process change a stamp while the block goes."""
        lock = self._stamp(key).with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(lock):
            yield

    def _write_stamp(self, key: str, record: Record) -> None:
        write_json(self._stamp(key), record)


def open_sharing(workspace: Workspace | Path) -> Sharing | None:
    """Return the storage behind a workspace; None where the settings name none."""
    address = read_settings().storage_url
    root = workspace if isinstance(workspace, Path) else workspace.root
    return Sharing(open_storage(address), root) if address else None


def find(path: Path, root: Path, *, whole: bool = False) -> Path:
    """Return the path of a file of a workspace, fetched first where storage alone has it.

    Args:
        whole: All of the thing that it is of is fetched then.
    """
    address = read_settings().storage_url
    if not address:
        return path
    if path.exists():
        with suppress(OSError):  # what is used stays here longest
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    elif time.monotonic() - _absent.get((address, path), -math.inf) > _ASK_AGAIN_S:
        name = path.relative_to(root).as_posix()
        kind, thing = name.split("/")[:2]
        key, sharing = f"{kind}/{thing.partition('.')[0]}", Sharing(open_storage(address), root)
        known = sharing.read_stamp(key).get(name)
        if known is None or not known.modified:  # else it was here, and somebody deleted it
            sharing.pull(key, lambda one: whole or one == name)
        if not path.exists():
            _absent[(address, path)] = time.monotonic()
    return path


def _cut(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces: of an array its header, then rows."""
    with path.open("rb") as file:
        size = _BLOCK
        if path.suffix == ".npy":
            size = _measure_rows(file) or _BLOCK
            header = file.tell()
            file.seek(0)
            yield file.read(header)
        while content := file.read(size):
            yield content


def _measure_rows(file: BinaryIO) -> int:
    """Return the bytes of ROWS rows of an array, 0 where they are too many; leaves its header."""
    import numpy as np

    try:
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    except ValueError:  # it was cut short, or is none
        file.seek(0)
        return 0
    size = ROWS * math.prod(shape[1:]) * kind.itemsize
    return size if size <= _MOST else 0


def _describe(record: Record) -> str:
    """Return a record as storage has it: that files are here is nobody else's business."""
    return json.dumps({name: file._replace(modified=0) for name, file in record.items()})


def _read(content: bytes) -> Record:
    found: dict[str, Any] = json.loads(content)
    return {
        name: StoredFile(tuple(Piece(*piece) for piece in pieces), modified)
        for name, (pieces, modified) in found.items()
    }


def _list_pieces(record: Record) -> set[Piece]:
    return {piece for file in record.values() for piece in file.pieces}


def _name_record(key: str) -> str:
    return f"things/{key}.json"


def _name_piece(sha256: str) -> str:
    return f"pieces/{sha256[:2]}/{sha256}"
