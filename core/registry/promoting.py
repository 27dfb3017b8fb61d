"""Promotion, rollback, challenger, deletion: each is one transaction with its event.

The first champion needs a reason only. A later one needs evidence of a significant gain over the
champion, or a person who overrides that and says why.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, insert

from core.errors import PetalscopeError, PromotionRefused
from core.formats import say_p
from core.registry.events import ModelEvent, insert_event, list_former
from core.registry.evidence import Evidence
from core.registry.files import sweep_blobs
from core.registry.store import (
    Alias,
    ModelVersion,
    aliases_table,
    check_files,
    is_row_whole,
    open_first,
    read_aliases,
    select_aliases,
    select_version,
    select_versions,
    versions_table,
)
from core.runs.database import write_database
from core.runs.locks import hold_lock
from core.workspace import Workspace

LONGEST_REASON = 500


def promote(
    workspace: Workspace,
    number: int,
    *,
    reason: str,
    who: str = "",
    evidence: Evidence | None = None,
    override: bool = False,
    instead_of: int | None = None,
) -> ModelEvent:
    """Make the version the champion, and return the event.

    Args:
        override: Promote it without a significant gain; the reason then says why.
        instead_of: The champion that the person saw; refused when another one answers by now.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of it was changed: it could not answer.
        PromotionRefused: No reason, no evidence of a gain, or the champion is another one.
    """
    _check_reason(reason, "A promotion needs a reason.")
    version = check_files(workspace, number)
    with write_database(workspace) as connection:
        champion = select_aliases(connection).get("champion")
        select_version(connection, number)  # not deleted since it was checked
        if champion == number:
            raise PromotionRefused(
                f"{version.label} is the champion already.", "Nothing needs to be done."
            )
        if instead_of is not None and champion != instead_of:
            raise _changed("champion")
        facts: dict[str, Any] = {"override": override and champion is not None}
        if champion is not None:
            _check_evidence(version, champion, evidence, override=override)
        if evidence is not None:
            facts["evidence"] = asdict(evidence)
        reason = reason.strip()
        event = ModelEvent("promoted", number, champion, who=who, reason=reason, facts=facts)
        return _let_answer(connection, event)


def roll_back(workspace: Workspace, *, reason: str, who: str = "") -> ModelVersion:
    """Make the newest former champion whose files are whole the champion again, and return it.

    Raises:
        VersionMissing: There is no champion.
        VersionDamaged: All former champions are damaged.
        PromotionRefused: There is no former champion, or the champion has changed.
    """
    champion = read_aliases(workspace).get("champion")
    if champion is None:
        raise PromotionRefused(
            "Nothing can be rolled back: there is no champion.", "Promote a version first."
        )
    target, faults = open_first(
        list_former(workspace, but=champion), partial(check_files, workspace)
    )
    if target is None:
        raise next(iter(faults.values()), None) or PromotionRefused(
            f"v{champion} is the first champion: there is no earlier one to go back to.",
            "Promote another version instead.",
        )
    with write_database(workspace) as connection:
        if select_aliases(connection).get("champion") != champion:
            raise _changed("champion")
        select_version(connection, target.number)
        skipped, reason = {"skipped": [*faults]}, reason.strip()
        number = target.number
        event = ModelEvent("rolled_back", number, champion, who=who, reason=reason, facts=skipped)
        _let_answer(connection, event)
    return target


def set_challenger(workspace: Workspace, number: int, *, who: str = "", reason: str = "") -> None:
    """Make the version the challenger."""
    version = check_files(workspace, number)
    with write_database(workspace) as connection:
        aliases = select_aliases(connection)
        select_version(connection, number)
        if aliases.get("champion") == number:
            raise PromotionRefused(
                f"{version.label} is the champion: it cannot be the challenger, too.",
                "Choose another version.",
            )
        former = aliases.get("challenger")
        if former != number:
            _set_alias(connection, "challenger", number)
            event = ModelEvent("challenger", number, former, who=who, reason=reason)
            insert_event(connection, event)


def keep_champion(
    workspace: Workspace, *, reason: str, who: str = "", challenger: int | None = None
) -> ModelEvent:
    """Dismiss the challenger, which stays registered; return the event."""
    _check_reason(reason, "Keeping the champion needs a reason.")
    with write_database(workspace) as connection:
        aliases = select_aliases(connection)
        champion, now = aliases.get("champion"), aliases.get("challenger")
        if champion is None or now is None or challenger not in (None, now):
            raise _changed("challenger")
        connection.execute(delete(aliases_table).where(aliases_table.c.alias == "challenger"))
        kept = {"kept": champion}
        event = ModelEvent("challenger", None, now, who=who, reason=reason.strip(), facts=kept)
        return insert_event(connection, event)


def delete_version(workspace: Workspace, number: int, *, who: str = "") -> int:
    """Delete a version, whose number is not used again; return the bytes freed."""
    with hold_lock(workspace.registry_lock):
        with write_database(workspace) as connection:
            aliases = select_aliases(connection)
            version = select_version(connection, number)
            for alias, named in aliases.items():
                if named == number:
                    raise PetalscopeError(
                        f"{version.label} is the {alias}.",
                        f"Make another version the {alias} first.",
                        code="version_in_use",
                        version=number,
                    )
            connection.execute(delete(versions_table).where(versions_table.c.number == number))
            facts = {"name": version.name, "digest": version.digest, "run_id": version.run_id}
            event = ModelEvent("deleted", number, who=who, facts=facts)
            insert_event(connection, event)
            left = select_versions(connection)
        if not all(is_row_whole(one) for one in left):
            return 0  # the files of a damaged row are not known: delete none
        needed = {digest for one in left for digest in one.facts["files"].values()}
        return sweep_blobs(workspace, needed)


def _check_reason(reason: str, problem: str) -> None:
    if not reason.strip():
        raise PromotionRefused(problem, "Give one in a few words.")


def _changed(alias: Alias) -> PromotionRefused:
    return PromotionRefused(
        f"The {alias} has changed in the meantime.", "Reload the page, then decide again."
    )


def _check_evidence(
    version: ModelVersion, champion: int, evidence: Evidence | None, *, override: bool
) -> None:
    met = evidence and (evidence.champion, evidence.challenger)
    if evidence is not None and met != (champion, version.number):
        raise PromotionRefused(
            f"The evidence compares v{evidence.challenger} with v{evidence.champion}, not "
            f"{version.label} with v{champion}.",
            "Compare these two on the test photos, then decide.",
            champion=champion,
        )
    if override or (evidence is not None and evidence.is_significant_gain):
        return
    raise PromotionRefused(
        f"{version.label} was not compared with v{champion}, the champion."
        if evidence is None
        else f"On {evidence.n:,} test photos {version.label} is not significantly better than "
        f"v{champion} ({say_p(evidence.p_value)}).",
        f"Keep v{champion}, or override this and say why.",
        champion=champion,
    )


def _set_alias(connection: Connection, alias: Alias, number: int) -> None:
    connection.execute(delete(aliases_table).where(aliases_table.c.alias == alias))
    values = {"alias": alias, "version": number, "since": datetime.now(UTC)}
    connection.execute(insert(aliases_table).values(**values))


def _let_answer(connection: Connection, event: ModelEvent) -> ModelEvent:
    """Make the version of the event the champion, and remove it as challenger."""
    assert event.version is not None
    _set_alias(connection, "champion", event.version)
    alias = aliases_table.c
    own = (alias.alias == "challenger") & (alias.version == event.version)
    connection.execute(delete(aliases_table).where(own))
    return insert_event(connection, event)
