"""The registered versions and the two aliases: champion (it answers) and challenger.

A version is checked against its registration: its row, and every byte of its files.
"""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, get_args

from sqlalchemy import Column, Connection, Integer, Row, String, Table, Text, select

from core.errors import PetalscopeError, VersionDamaged, VersionMissing
from core.evaluation.coverage import OperatingPoint
from core.kept import unpack_arrays
from core.prediction.deciding import ModelVersion as ModelVersion
from core.prediction.deciding import measure_answers
from core.prediction.unlike import UNLIKE_VERSION, UnlikeModel
from core.registry.files import (
    FORMAT,
    blob_file,
    damaged,
    digest_facts,
    read_file,
    read_reference,
)
from core.runs.database import read_database
from core.runs.tables import UtcTime, metadata, numbered_table
from core.workspace import Workspace, digest_once

versions_table = numbered_table(
    "model_versions",
    Column("digest", String(64), nullable=False, unique=True),
    Column("run", String(64), nullable=False, index=True),
    Column("dataset", String(64), nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("facts", Text, nullable=False, server_default="{}"),
    Column("who", Text, nullable=False, server_default=""),
    Column("created", UtcTime, nullable=False),
)

aliases_table = Table(
    "model_aliases",
    metadata,
    Column("alias", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("since", UtcTime, nullable=False),
)

Alias = Literal["champion", "challenger"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SHORTEST_DIGEST = 4
_CHOOSE = "Choose one of the list: page Models, or “python -m core promote --list”."


def list_versions(workspace: Workspace) -> list[ModelVersion]:
    """Return all versions, newest first."""
    with read_database(workspace) as connection:
        return select_versions(connection)


def read_version(workspace: Workspace, number: int) -> ModelVersion:
    """Return the version of that number."""
    with read_database(workspace) as connection:
        return select_version(connection, number)


def read_aliases(workspace: Workspace) -> dict[Alias, int]:
    """Return the number of the version that each alias names now; some may name none."""
    with read_database(workspace) as connection:
        return select_aliases(connection)


def find_version(workspace: Workspace, text: str) -> ModelVersion:
    """Return the version meant by “champion”, “challenger”, “v3”, “3” or the start of a digest.

    Raises:
        VersionMissing: No version, or more than one, is meant.
    """
    wanted = text.strip().lower()
    with read_database(workspace) as connection:
        versions, aliases = select_versions(connection), select_aliases(connection)
    if wanted in ALIASES and wanted not in aliases:
        raise VersionMissing(
            f"There is no {wanted}.",
            "Register a finished run and promote its version: page Models, or “python -m core "
            "register RUN” and “python -m core promote v1 --reason …”.",
            alias=wanted,
        )
    number = str(aliases[wanted]) if wanted in ALIASES else wanted.removeprefix("v")
    found = [version for version in versions if str(version.number) == number]
    if not found and len(wanted) >= _SHORTEST_DIGEST:
        found = [version for version in versions if version.digest.startswith(wanted)]
    if len(found) > 1:
        raise VersionMissing(
            f"“{text[:80]}” is the start of {len(found)} digests.",
            "Type more characters.",
            text=text,
        )
    if not found:
        raise VersionMissing(f"No version “{text[:80]}” is registered.", _CHOOSE, text=text)
    return found[0]


def is_row_whole(version: ModelVersion) -> bool:
    """Return whether the row of the version is as registered."""
    own = (version.facts.get("run_id"), version.facts.get("dataset_id"))
    if own != (version.run_id, version.dataset_id):
        return False
    try:
        return digest_facts(version.facts) == version.digest
    except ValueError:  # a number that JSON does not have
        return False


def select_versions(connection: Connection) -> list[ModelVersion]:
    """Return all versions, newest first, as part of a transaction."""
    query = select(versions_table).order_by(versions_table.c.number.desc())
    return [_read_row(row) for row in connection.execute(query)]


def select_version(connection: Connection, number: int) -> ModelVersion:
    """Return the version of that number, as part of a transaction."""
    query = select(versions_table).where(versions_table.c.number == number)
    row = connection.execute(query).first()
    if row is None:
        raise VersionMissing(f"No version v{number} is registered.", _CHOOSE, number=number)
    return _read_row(row)


def find_classes(connection: Connection, number: int | None) -> tuple[str, ...]:
    """Return the classes of a version; empty for an answer of a run or a deleted version."""
    if number is None:
        return ()
    try:
        return tuple(select_version(connection, number).classes)
    except VersionMissing:
        return ()


def select_aliases(connection: Connection) -> dict[Alias, int]:
    """Return the number that each alias names, as part of a transaction."""
    rows = connection.execute(select(aliases_table.c.alias, aliases_table.c.version))
    return {row.alias: row.version for row in rows if row.alias in ALIASES}


def _read_row(row: Row[Any]) -> ModelVersion:
    values = row._asdict()
    values["run_id"], values["dataset_id"] = values.pop("run"), values.pop("dataset")
    try:
        facts = json.loads(values["facts"])
    except ValueError:  # altered: the version is refused, not hidden
        facts = {}
    return ModelVersion(**values | {"facts": facts if isinstance(facts, dict) else {}})


def check_version(version: ModelVersion) -> ModelVersion:
    """Return the version when its row is as registered."""
    if not is_row_whole(version):
        raise damaged(version, "Its row in the database was altered")
    if (version.facts["format"], version.facts["unlike_version"]) != (FORMAT, UNLIKE_VERSION):
        raise damaged(version, "It was registered by another version of the program")
    return version


def check_files(workspace: Workspace, number: int) -> ModelVersion:
    """Return the version when all its files are there, unaltered; nothing is compiled."""
    version = check_version(read_version(workspace, number))
    for role in version.facts["files"]:
        read_file(workspace, version, role)
    return version


def open_first(
    numbers: Iterable[int], open_one: Callable[[int], T]
) -> tuple[T | None, dict[int, PetalscopeError]]:
    """Return the first of these versions that opens, and the fault of each one before it."""
    faults: dict[int, PetalscopeError] = {}
    for number in numbers:
        try:
            return open_one(number), faults
        except (VersionDamaged, VersionMissing) as error:
            _log.error("v%d is refused: %s", number, error)
            faults[number] = error
    return None, faults


def find_damage(workspace: Workspace, version: ModelVersion) -> VersionDamaged | None:
    """Return the reason to refuse the version, or None; unchanged files are not read again."""
    try:
        for role, digest in check_version(version).facts["files"].items():
            file = blob_file(workspace, digest)
            if not (file.is_file() and digest_once(file) == digest):
                read_file(workspace, version, role)
    except VersionDamaged as error:
        return error
    return None


def read_unlike(workspace: Workspace, version: ModelVersion) -> UnlikeModel:
    """Return the version's model of its training photos."""
    return UnlikeModel(**unpack_arrays(read_file(workspace, version, "unlike")))


def find_answers(workspace: Workspace, version: ModelVersion) -> OperatingPoint:
    """Return the effect of the version's rule on its validation photos.

    Raises:
        VersionDamaged: The reference photos of an older version are damaged.
    """
    if kept := version.facts.get("answers"):
        return OperatingPoint(**kept)
    known, rule = read_reference(workspace, version), version.rule
    distances = None
    if rule is not None and rule.unlike_limit is not None:
        distances = read_unlike(workspace, version).measure(known["features"])
    return measure_answers(rule, known["scores"], known["labels"], version.classes, distances)
