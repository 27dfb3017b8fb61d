"""What all files of a folder hold, to see that none was changed, made or deleted."""

from hashlib import sha256
from pathlib import Path


def digest_folder(folder: Path) -> dict[str, str]:
    """Return path → digest of its content; folders have none.

    Without SQLite's list of readers (-shm), and the empty log (-wal) that it makes with it.
    """
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    return {
        name: sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for name, path in files.items()
        if not name.endswith("-shm") and (path.stat().st_size or not name.endswith("-wal"))
    }
