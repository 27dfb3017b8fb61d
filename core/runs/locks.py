"""Locks between processes: a lock is held by who has the file open and locked.

The kernel lets go of it when its holder ends, however it ends, so "is the lock held?" answers "is
the process alive?" without process ids that may have been given to another. A child that inherits
the descriptor holds the same lock. POSIX only (on Windows use WSL).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take_lock(path: Path, wait_s: float = 0.0) -> int | None:
    """Return the descriptor that holds the lock, or None when another holds it after `wait_s`."""
    path.touch()  # refused in a workspace that can only be read
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
    """Yield whether the lock is held for the block; another has it, else, after `wait_s`."""
    lock = take_lock(path, wait_s)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            free_lock(lock)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock for a block, which begins as soon as no other holds it."""
    path.touch()  # refused in a workspace that can only be read
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        free_lock(descriptor)


def free_lock(descriptor: int) -> None:
    """Let go of the lock."""
    os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether some process holds the lock now."""
    try:
        descriptor = os.open(path, os.O_RDONLY)  # also where we may not write
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
