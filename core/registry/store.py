"""The registered versions and the two aliases: which answers (champion), which wants to.

A version never changes: its number is given once, its digest is over all that decides its answers.
This file only reads; `registering`, `promoting` and `deleting` write.
"""

import json
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, select

from core.errors import VersionMissing
from core.prediction.model_version import ModelVersion
from core.registry.facts import digest_facts
from core.runs.database import read_database
from core.runs.tables import aliases_table, versions_table
from core.workspace import Workspace

__all__ = [
    "ALIASES",
    "Alias",
    "ModelVersion",
    "find_version",
    "is_row_whole",
    "list_versions",
    "read_aliases",
    "read_version",
]

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

_SHORTEST_DIGEST = 4
_CHOOSE = "Choose one of the list: page Models, or “python -m core promote --list”."


def list_versions(workspace: Workspace) -> list[ModelVersion]:
    """Returns all versions, newest first."""
    with read_database(workspace) as connection:
        return select_versions(connection)


def read_version(workspace: Workspace, number: int) -> ModelVersion:
    """Returns the version of that number.

    Raises:
        VersionMissing: There is none.
    """
    with read_database(workspace) as connection:
        return select_version(connection, number)


def read_aliases(workspace: Workspace) -> dict[Alias, int]:
    """Returns the number of the version that each alias names now; some may name none."""
    with read_database(workspace) as connection:
        return select_aliases(connection)


def find_version(workspace: Workspace, text: str) -> ModelVersion:
    """Returns the version meant by “champion”, “challenger”, “v3”, “3” or the start of a digest.

    Raises:
        VersionMissing: No version, or more than one, is meant.
    """
    wanted = text.strip().lower()
    with read_database(workspace) as connection:
        if wanted in ALIASES:
            return _select_alias(connection, wanted)
        versions = select_versions(connection)
    number = wanted.removeprefix("v")
    found = [version for version in versions if str(version.number) == number]
    if not found and len(wanted) >= _SHORTEST_DIGEST:
        found = [version for version in versions if version.digest.startswith(wanted)]
    if len(found) > 1:
        raise VersionMissing(
            f"“{text[:80]}” is the start of {len(found)} digests.", "Type more of it.", text=text
        )
    if not found:
        raise VersionMissing(f"No version “{text[:80]}” is registered.", _CHOOSE, text=text)
    return found[0]


def is_row_whole(version: ModelVersion) -> bool:
    """Returns whether what is written of the version is what was registered."""
    own = (version.facts.get("run_id"), version.facts.get("dataset_id"))
    if own != (version.run_id, version.dataset_id):
        return False
    try:
        return digest_facts(version.facts) == version.digest
    except ValueError:  # a number that JSON does not have
        return False


def select_versions(connection: Connection) -> list[ModelVersion]:
    """Returns all versions, newest first, inside a transaction."""
    query = select(versions_table).order_by(versions_table.c.number.desc())
    return [_read_row(row) for row in connection.execute(query)]


def select_version(connection: Connection, number: int) -> ModelVersion:
    """Returns the version of that number, inside a transaction.

    Raises:
        VersionMissing: There is none.
    """
    query = select(versions_table).where(versions_table.c.number == number)
    row = connection.execute(query).first()
    if row is None:
        raise VersionMissing(f"No version v{number} is registered.", _CHOOSE, number=number)
    return _read_row(row)


def select_aliases(connection: Connection, *, lock: bool = False) -> dict[Alias, int]:
    """Returns the number that each alias names; with `lock`, it stays so in this transaction."""
    query = select(aliases_table.c.alias, aliases_table.c.version)
    # In SQLite a writing transaction has the whole database anyway.
    rows = connection.execute(query.with_for_update() if lock else query)
    return {row.alias: row.version for row in rows if row.alias in ALIASES}


def _select_alias(connection: Connection, alias: str) -> ModelVersion:
    number = {str(name): number for name, number in select_aliases(connection).items()}.get(alias)
    if number is None:
        raise VersionMissing(
            f"There is no {alias}.",
            "Register a finished run and promote its version: page Models, or “python -m core "
            "register RUN” and “python -m core promote v1 --reason …”.",
            alias=alias,
        )
    return select_version(connection, number)


def _read_row(row: Row[Any]) -> ModelVersion:
    values = dict(row._mapping)
    values["run_id"], values["dataset_id"] = values.pop("run"), values.pop("dataset")
    values["facts"] = _read_facts(values["facts"])
    return ModelVersion(**values)


def _read_facts(text: str) -> dict[str, Any]:
    """Returns the facts; none where the text was altered: the version is refused, not hidden."""
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}
