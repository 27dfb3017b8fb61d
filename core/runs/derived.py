"""What follows from a run's result and takes a while: computed once, kept beside it.

Each is a file runs/<id>/derived/<name>-<key>.npz; the key says what it was made from (the digest of
the result, and the facts that the caller gives), so that a result made anew finds nothing old. A
file that was cut short or altered is made again; a disk without room costs time, never an answer.
"""

import contextlib
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.config import fingerprint
from core.errors import RunUnfinished
from core.runs.run_files import ARRAYS_FILE, FACTS_FILE, read_facts
from core.workspace import Workspace, check_identifier, write_atomically

_FOLDER = "derived"


def keep_arrays(
    workspace: Workspace,
    run_id: str,
    name: str,
    facts: Mapping[str, Any],
    make: Callable[[], Mapping[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Return the named arrays, read where they are kept, else made now and kept.

    Args:
        workspace: Holds the run.
        run_id: Of a finished run.
        name: What is derived, lower-case with dashes; an older file of that name is removed.
        facts: JSON values: everything but the result that decides what `make` returns, and a
            version to be raised when the computation changes.
        make: Computes the arrays (no object dtype).

    Raises:
        RunUnfinished: The run has no result (yet).
    """
    folder = workspace.run_folder(run_id) / _FOLDER
    name = check_identifier(name)
    key = fingerprint({"result": digest_result(workspace, run_id), "facts": dict(facts)})
    path = folder / f"{name}-{key}.npz"
    with (
        contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        return {array: stored[array] for array in stored.files}
    arrays = {array: np.asarray(values) for array, values in make().items()}
    if not (folder.parent / FACTS_FILE).exists():  # deleted meanwhile: nothing is left behind
        return arrays
    with contextlib.suppress(OSError):
        for old in folder.glob(f"{name}-*.npz"):
            # Names may begin alike: what follows the last dash is the key.
            if old.stem.rsplit("-", 1)[0] == name:
                old.unlink(missing_ok=True)
        with write_atomically(path) as temporary, temporary.open("wb") as out:
            np.savez(out, allow_pickle=False, **arrays)
    return arrays


def digest_result(workspace: Workspace, run_id: str) -> str:
    """Return the digest of a run's result: what follows from the result is tied to it.

    Raises:
        RunUnfinished: The run has no result (yet).
    """
    try:
        return str(read_facts(workspace.run_folder(run_id))["digests"][ARRAYS_FILE])
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise RunUnfinished(
            "This run has no result.",
            "Wait while it is being trained, or train the same recipe again.",
            run_id=run_id,
        ) from error
