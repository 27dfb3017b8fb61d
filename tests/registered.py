"""Versions for tests: the trained workspace's run, registered with one rule after another."""

import sqlite3
from pathlib import Path

from core.prediction.deciding import DecisionRule, save_rule
from core.registry.evidence import Evidence
from core.registry.files import blob_file
from core.registry.registering import register_run
from core.registry.store import ModelVersion
from core.runs.store import list_runs
from core.workspace import Workspace


def register_versions(workspace: Workspace, count: int) -> list[ModelVersion]:
    """Return versions of one run that differ in the threshold of their rule: 0, 1 %, 2 % …"""
    run = list_runs(workspace)[-1].id
    versions = []
    for number in range(count):
        rule = DecisionRule(threshold=number / 100, unlike_limit=1000.0, n=24)
        save_rule(workspace, run, rule)
        versions.append(register_run(workspace, run, name=f"threshold {number} %", who="tests"))
    return versions


def show_evidence(
    champion: ModelVersion, challenger: ModelVersion, *, gained: int = 30, lost: int = 5
) -> Evidence:
    """Return evidence over 200 photos; as given, a gain that chance does not explain."""
    from core.evaluation.comparison import exact_mcnemar

    return Evidence(
        champion=champion.number,
        challenger=challenger.number,
        n=200,
        accuracy_champion=0.6,
        accuracy_challenger=0.6 + (gained - lost) / 200,
        gained=gained,
        lost=lost,
        p_value=exact_mcnemar(gained, lost),
        split="test",
        dataset_id=champion.dataset_id,
    )


def change_byte(file: Path) -> None:
    """Change one byte in the middle; a file that is linked elsewhere is copied first."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)


def version_file(workspace: Workspace, version: ModelVersion, role: str) -> Path:
    """Return where a file of a version stands."""
    return blob_file(workspace, version.facts["files"][role])


def change_row(workspace: Workspace, version: ModelVersion, column: str, value: str) -> None:
    """Change a column of a version's row behind the program's back."""
    with sqlite3.connect(workspace.database_file) as database:
        database.execute(
            f"UPDATE model_versions SET {column} = ? WHERE number = ?",
            (value, version.number),
        )
    database.close()
