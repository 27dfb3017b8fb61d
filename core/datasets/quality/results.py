"""Analyses: made by a job once and kept in analyses/<id>/result/, whole or not at all.

facts.json says what it is and names the digest of each file. A file that was altered is noticed:
the result then counts as missing, and is made again.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from core.runs.jobs import start_job
from core.workspace import Workspace, digest_file, digest_once, make_folder_atomically
from models.catalogue import rank
from models.weights import WeightsKind

RESULT, FACTS = "result", "facts.json"


@dataclass(frozen=True, kw_only=True)
class ResultFacts:
    """What a finished analysis is."""

    id: str
    kind: str
    """quality, map, exact-head, …"""
    dataset: str
    weights: WeightsKind
    label: str
    """What to call the weights on screen."""
    created: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds")
    )
    folder: Path = Path()
    rest: dict[str, Any] = field(default_factory=dict)
    """More about how it was made."""
    digests: dict[str, str] = field(default_factory=dict)
    """Name of each file → its SHA-256."""

    @property
    def arrays(self) -> list[str]:
        """Name of its arrays."""
        return [Path(name).stem for name in self.digests if name.endswith(".npy")]


def write_result(
    workspace: Workspace,
    facts: ResultFacts,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> None:
    """Write a result into its folder, unless it is there, whole."""
    if has_result(workspace, facts.id):
        return
    target = workspace.analysis_folder(facts.id) / RESULT
    shutil.rmtree(target, ignore_errors=True)
    with make_folder_atomically(target) as folder:
        for name, array in (arrays or {}).items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        for name, table in (tables or {}).items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        digests = {file.name: digest_file(file) for file in sorted(folder.iterdir())}
        content = {**asdict(facts), "folder": "", "digests": digests}
        (folder / FACTS).write_text(json.dumps(content, indent=1), encoding="utf-8")


def start_analysis(
    workspace: Workspace, analysis_id: str, kind: str, parameters: Mapping[str, Any]
) -> None:
    """Start the job that makes an analysis, unless its result is stored or the job runs.

    Args:
        kind: Of the job, see `core.jobs`.
        parameters: With `dataset`, so that the dataset counts as used.
    """
    if not has_result(workspace, analysis_id):
        start_job(workspace, workspace.analysis_folder(analysis_id), kind, parameters)


def list_results(workspace: Workspace, dataset_id: str, kind: str) -> list[ResultFacts]:
    """Return the whole results of a kind for a dataset: best weights first, then newest."""
    folders = sorted(workspace.analyses.glob(f"[!.]*/{RESULT}"))
    read = [_read_facts(folder) for folder in folders]
    found = [facts for facts in read if facts and (facts.dataset, facts.kind) == (dataset_id, kind)]
    found.sort(key=lambda facts: facts.created, reverse=True)
    found.sort(key=lambda facts: rank(facts.weights))
    return [facts for facts in found if _is_whole(facts)]


def has_result(workspace: Workspace, analysis_id: str) -> bool:
    """Return whether the analysis is there, whole."""
    return read_facts(workspace, analysis_id) is not None


def read_facts(workspace: Workspace, analysis_id: str) -> ResultFacts | None:
    """Return what a result is; None where it is not there, whole."""
    facts = _read_facts(workspace.analysis_folder(analysis_id) / RESULT)
    return facts if facts is not None and _is_whole(facts) else None


def read_array(facts: ResultFacts, name: str) -> np.ndarray:
    """Return an array of a result, memory-mapped."""
    array: np.ndarray = np.load(facts.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array


def read_table(facts: ResultFacts, name: str) -> pd.DataFrame:
    """Return a table of a result."""
    table = pd.read_parquet(facts.folder / f"{name}.parquet")
    pa.default_memory_pool().release_unused()
    return table


def _read_facts(folder: Path) -> ResultFacts | None:
    try:
        content = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return ResultFacts(**content | {"folder": folder})
    except (OSError, ValueError, TypeError):
        return None


def _is_whole(facts: ResultFacts) -> bool:
    try:
        return all(digest_once(facts.folder / name) == sha for name, sha in facts.digests.items())
    except FileNotFoundError:
        return False
