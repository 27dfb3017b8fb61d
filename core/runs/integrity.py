"""Whether the result of a run stands whole in its folder: the files, and their digests.

result.json names the digests of the others; it is written last and removed first. Standard library
only: the queue asks this inside the scheduler, which never loads NumPy. `core.runs.result` reads.
"""

import json
from pathlib import Path
from typing import Any

from core.workspace import digest_file

ARRAYS_FILE = "result.npz"
HEAD_FILE = "head.npz"
FACTS_FILE = "result.json"
VERSION = 1


def is_result_whole(folder: Path) -> bool:
    """Returns whether the result is there and no file of it was cut short or altered."""
    try:
        facts = read_facts(folder)
        names = {ARRAYS_FILE, HEAD_FILE, *facts["digests"]}  # tuned weights, too, where there are
        return all(is_file_whole(folder, name, facts) for name in names)
    except (FileNotFoundError, ValueError):
        return False


def read_facts(folder: Path) -> dict[str, Any]:
    """Returns what result.json says.

    Raises:
        FileNotFoundError: There is no result (yet).
        ValueError: It was cut short, altered, or written by another version of the program.
    """
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or facts.get("version") != VERSION or "digests" not in facts:
        raise ValueError(f"{FACTS_FILE} is not of version {VERSION}")
    return facts


def is_file_whole(folder: Path, name: str, facts: dict[str, Any]) -> bool:
    """Returns whether a file is there with the digest that result.json says."""
    path = folder / name
    return path.exists() and digest_file(path) == facts["digests"].get(name)
