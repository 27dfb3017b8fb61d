"""The large things of a workspace in object storage, where PETALSCOPE_STORAGE_URL names a place.

A thing is what lies under workspace/<kind>/<id>: a dataset, features, a run. Storage keeps its
pieces under their SHA-256, so that versions share what they have in common, and a record that
names them, written last. A thing here has a stamp: the record, and which of its files are here.
What is not is fetched when it is asked for (`find`), so that the workspace may be a small cache.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

from filelock import FileLock

from core.config import fingerprint, read_settings
from core.errors import StorageFailed
from core.pieces import (
    Piece,
    Record,
    StoredFile,
    cut_file,
    describe_record,
    parse_record,
)
from core.storage import Storage, open_storage
from core.workspace import Workspace, write_atomically, write_json

KINDS = ("datasets", "backbones", "features", "registry", "runs", "exports")
_DROPPED = {".npy", ".bin"}
_KEPT = {"thumbnails.bin"}
"""What pages read all the time, though it is large."""
_ABSENT_S, _AWAY_S = 5.0, 30.0
_asked: dict[tuple[str, Path], float] = {}
"""What storage did not have either, and workspaces whose storage is away → not asked until then."""
_SETTING = "PETALSCOPE_STORAGE_URL"


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
                    pieces = tuple(self.write_piece(content) for content in cut_file(path))
                    record[name] = StoredFile(pieces, facts.st_mtime_ns)
        with self._hold_stamp(key):
            now = self.read_stamp(key)
            for name, file in now.items():  # dropped, or fetched since we looked
                is_here = (self.root / name).exists()
                if name not in record if is_here else not file.modified:
                    record[name] = file
            if not record or record == now:
                return False
            self.storage.write(_name_record(key), describe_record(record).encode())
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
        """Delete a thing from storage; its pieces stay until `sweep`."""
        self.storage.delete(_name_record(key))
        self._stamp(key).unlink(missing_ok=True)

    def sweep(self, older_s: float = 86_400.0) -> int:
        """Return how many pieces were deleted that are so old and that no record names."""
        named = set()
        for name, size in self.storage.list_files():
            if name.startswith("things/"):
                record = parse_record(self.storage.read(name, size))
                named |= {piece.name for file in record.values() for piece in file.pieces}
        old = [name for name in self.storage.list_older(older_s) if name.startswith("pieces/")]
        for name in (rubbish := sorted({*old} - named)):
            self.storage.delete(name)
        return len(rubbish)

    def is_home(self, *, claims: bool = True) -> bool:
        """Return whether storage is this workspace's: it alone puts and deletes what it has.

        Args:
            claims: It is this workspace's from now on where it is nobody's.
        """
        mine = self.root / "shared" / "home"
        if claims and not mine.exists():
            with write_atomically(mine) as temporary:
                temporary.write_bytes(token_bytes(16))
        if not self.storage.has("home"):
            if claims:
                self.storage.write("home", mine.read_bytes())
            return True
        return mine.exists() and self.storage.read("home") == mine.read_bytes()

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
            if stored and all(self.storage.has(one.name) for one in file.pieces):
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
            return parse_record(self.storage.read(_name_record(key)))
        except (ValueError, TypeError, AttributeError) as error:
            raise StorageFailed(
                f"The record of {key} in {self.storage.address} was altered, or written just now.",
                "Try again; if it stays so, delete it where nothing is missing: it is put anew.",
                thing=key,
            ) from error

    def read_stamp(self, key: str) -> Record:
        """Return what is known here of a thing in storage; empty: nothing."""
        try:
            return parse_record(self._stamp(key).read_bytes())
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
        if not self.storage.has(piece.name):
            self.storage.write(piece.name, content)
        return piece

    def read_piece(self, piece: Piece) -> bytes:
        """Return the bytes of a piece.

        Raises:
            StorageFailed: It is not there, or was altered.
        """
        content = self.storage.read(piece.name, piece.size)
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
        with FileLock(lock):
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

    Raises:
        StorageFailed: Storage is known to have it, and cannot be read.
    """
    if _SETTING not in os.environ or not (address := read_settings().storage_url):
        return path
    now = time.monotonic()
    if path.exists():
        with suppress(OSError):  # what is used stays here longest
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
    elif now > max(_asked.get((address, path), 0.0), _asked.get((address, root), 0.0)):
        name = path.relative_to(root).as_posix()
        kind, thing = name.split("/")[:2]
        key, sharing = f"{kind}/{thing.partition('.')[0]}", Sharing(open_storage(address), root)
        known = sharing.read_stamp(key).get(name)
        try:
            if known is None or not known.modified:  # else it was here, and somebody deleted it
                there = sharing.pull(key, lambda one: whole or one == name)
                if not there and known is not None:
                    raise StorageFailed(
                        f"{address} no longer has {name}, which stood there alone.",
                        "Look who deletes there; a backup of storage may have it.",
                    )
        except StorageFailed:
            if known is not None:
                raise
            _asked[(address, root)] = time.monotonic() + _AWAY_S
        if not path.exists():
            _asked[(address, path)] = time.monotonic() + _ABSENT_S
    return path


def _name_record(key: str) -> str:
    return f"things/{key}.json"
