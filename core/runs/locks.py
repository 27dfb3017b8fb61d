"""Locks between processes, by locked files.

The kernel frees a lock when its process ends, so “is it locked?” answers “is the process alive?”. A
child that inherits the descriptor holds the same lock. POSIX only (on Windows use WSL).
"""

import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take_lock(path: Path, wait_s: float = 0.0) -> int | None:
    """Return the descriptor of the lock, or None if another process holds it after `wait_s`."""
    path.touch()  # fails in a read-only workspace
    descriptor = os.open(path, os.O_RDWR)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)


@contextmanager
def try_lock(path: Path, wait_s: float = 0.0) -> Iterator[bool]:
    """Yield whether the lock was taken within `wait_s`; free it after the block."""
    lock = take_lock(path, wait_s)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            free_lock(lock)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Wait for the lock and hold it for the block."""
    with try_lock(path, math.inf):
        yield


def free_lock(descriptor: int) -> None:
    """Free the lock."""
    os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # works in a read-only folder, too
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
