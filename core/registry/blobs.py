"""Files of the registry: each stands once, under the SHA-256 of its bytes, however many need it.

What is read is checked as it is read, and the very bytes that were checked are used: what happens
to the file afterwards cannot reach a model that already answers.
"""

import hashlib
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from core.errors import VersionDamaged
from core.runs.locks import free_lock, wait_for_lock
from core.workspace import Workspace, digest_file, write_atomically

_FOLDER = "files"


def keep_bytes(workspace: Workspace, content: bytes) -> str:
    """Returns the digest under which the bytes stand; an altered file of that name is replaced."""
    digest = hashlib.sha256(content).hexdigest()
    if not is_whole(workspace, digest):
        with write_atomically(blob_file(workspace, digest)) as path:
            path.write_bytes(content)
    return digest


def is_whole(workspace: Workspace, digest: str) -> bool:
    """Returns whether the file is there, unaltered."""
    file = blob_file(workspace, digest)
    return file.is_file() and digest_file(file) == digest


def read_blob(workspace: Workspace, digest: str, role: str) -> bytes:
    """Returns the bytes of a file, which have that digest.

    Args:
        workspace: Holds the registry.
        digest: SHA-256, in hexadecimal digits.
        role: What the file is for a version, for the message.

    Raises:
        VersionDamaged: The file is missing, was cut short or altered.
    """
    try:
        content = blob_file(workspace, digest).read_bytes()
    except OSError:
        content = None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise VersionDamaged(
            f"The {role} of this version is {'missing' if content is None else 'altered'}: "
            "its digest is not the registered one.",
            "Register its run again, which writes the file anew; or promote another version.",
            file=role,
            digest=digest,
        )
    return content


def blob_file(workspace: Workspace, digest: str) -> Path:
    """Returns where the file of a digest stands, or would."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise VersionDamaged(
            "A digest of this version is none.", "Register its run again.", digest=digest[:80]
        )
    return workspace.registry / _FOLDER / digest[:2] / digest


def sweep_blobs(workspace: Workspace, needed: Set[str]) -> int:
    """Returns how many bytes were freed: files that no version needs are gone.

    Call it inside `hold_registry`.
    """
    freed = 0
    for file in (workspace.registry / _FOLDER).glob("??/*"):
        if file.name not in needed:
            freed += file.stat().st_size
            file.unlink()
    return freed


@contextmanager
def hold_registry(workspace: Workspace) -> Iterator[None]:
    """Yields when no other process writes or sweeps files of the registry."""
    workspace.registry.mkdir(parents=True, exist_ok=True)
    lock = wait_for_lock(workspace.registry / "registry.lock")
    try:
        yield
    finally:
        free_lock(lock)
