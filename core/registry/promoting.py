"""Who answers: promotion, rollback, the challenger, deletion, each one transaction with its event.

The first champion needs a reason only; a later one evidence of a significant gain over the champion
that answers now, or a person who overrides that and says why.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from core.errors import PromotionRefused, VersionDamaged, VersionInUse, VersionMissing
from core.evaluation.comparison import ALPHA
from core.formats import say_p
from core.registry.events import EventKind, ModelEvent, Told, insert_event, list_former
from core.registry.evidence import Evidence
from core.registry.files import hold_registry, sweep_blobs
from core.registry.store import (
    Alias,
    ModelVersion,
    aliases_table,
    check_files,
    is_row_whole,
    select_aliases,
    select_version,
    select_versions,
    versions_table,
)
from core.runs.database import write_database
from core.workspace import Workspace


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
    """Return the event; the version is the champion now.

    Args:
        override: Promote it without a significant gain; the reason then says why.
        instead_of: The champion that the person saw; refused when it is another by now.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of it was changed: it could not answer.
        PromotionRefused: No reason, no evidence of a gain, or the champion is another one.
    """
    if not reason.strip():
        raise PromotionRefused(
            "A promotion needs a reason.", "Say in a few words why this version is to answer."
        )
    version = check_files(workspace, number)
    with write_database(workspace) as connection:
        champion = select_aliases(connection, lock=True).get("champion")
        select_version(connection, number)  # not deleted since it was checked
        _check_champion(version, champion, instead_of)
        if champion is not None:
            _check_evidence(version, champion, evidence, override=override)
        facts: dict[str, Any] = {"override": override and champion is not None}
        if evidence is not None:
            facts["evidence"] = asdict(evidence)
        told: Told = {"who": who, "reason": reason.strip(), "facts": facts}
        return _let_answer(connection, "promoted", number, champion, told)


def roll_back(workspace: Workspace, *, reason: str, who: str = "") -> ModelVersion:
    """Return the version that answers now: the newest former champion whose files are whole.

    Raises:
        VersionMissing: There is no champion.
        VersionDamaged: All former champions are damaged.
        PromotionRefused: There is no former champion, or the champion changed meanwhile.
    """
    with write_database(workspace) as connection:
        champion = select_aliases(connection).get("champion")
    if champion is None:
        raise PromotionRefused(
            "Nothing can be rolled back: there is no champion.", "Promote a version first."
        )
    target, skipped = _find_target(workspace, champion)
    with write_database(workspace) as connection:
        if select_aliases(connection, lock=True).get("champion") != champion:
            raise PromotionRefused(
                "The champion changed in this moment.", "Look who answers now, then decide again."
            )
        select_version(connection, target.number)
        told: Told = {"who": who, "reason": reason.strip(), "facts": {"skipped": skipped}}
        _let_answer(connection, "rolled_back", target.number, champion, told)
    return target


def set_challenger(
    workspace: Workspace, number: int, *, who: str = "", reason: str = ""
) -> ModelVersion:
    """Return the version, which is the challenger now.

    Raises:
        VersionMissing: No version has that number.
        VersionDamaged: A byte of it was changed: it could not answer.
        PromotionRefused: It is the champion.
    """
    version = check_files(workspace, number)
    with write_database(workspace) as connection:
        aliases = select_aliases(connection, lock=True)
        select_version(connection, number)
        if aliases.get("champion") == number:
            raise PromotionRefused(
                f"{version.label} is the champion: it cannot challenge itself.",
                "Choose another version.",
            )
        former = aliases.get("challenger")
        if former != number:
            _set_alias(connection, "challenger", number, former)
            insert_event(
                connection, "challenger", version=number, former=former, who=who, reason=reason
            )
    return version


def _check_champion(version: ModelVersion, champion: int | None, instead_of: int | None) -> None:
    if champion == version.number:
        raise PromotionRefused(
            f"{version.label} is the champion already.", "Nothing needs to be done."
        )
    if instead_of is not None and champion != instead_of:
        now = "none" if champion is None else f"v{champion}"
        raise PromotionRefused(
            f"The champion is {now} by now, not v{instead_of}.",
            "Compare with the one that answers now, then decide again.",
            champion=champion,
        )


def _check_evidence(
    version: ModelVersion, champion: int, evidence: Evidence | None, *, override: bool
) -> None:
    if evidence is not None and (evidence.champion, evidence.challenger) != (
        champion,
        version.number,
    ):
        raise PromotionRefused(
            f"The evidence compares v{evidence.challenger} with v{evidence.champion}; "
            f"v{champion} answers now, and {version.label} is to be promoted.",
            "Compare these two on the test photos, then decide.",
            champion=champion,
        )
    if override or (evidence is not None and evidence.is_significant_gain):
        return
    raise PromotionRefused(
        f"{version.label} was not compared with v{champion}, which answers now."
        if evidence is None
        else f"On {evidence.n:,} test photos {version.label} is not better than v{champion} by "
        f"more than chance would explain ({say_p(evidence.p_value)}; below {ALPHA} counts).",
        f"Keep v{champion}, or override this and say why.",
        champion=champion,
    )


def _find_target(workspace: Workspace, champion: int) -> tuple[ModelVersion, list[int]]:
    """Return the former champion to go back to, and the newer ones that are damaged."""
    skipped: list[int] = []
    fault: VersionDamaged | None = None
    for number in list_former(workspace, but=champion):
        try:
            return check_files(workspace, number), skipped
        except VersionMissing:
            continue
        except VersionDamaged as error:
            skipped.append(number)
            fault = fault or error
    if fault is not None:
        raise fault
    raise PromotionRefused(
        f"v{champion} is the first champion: there is none to go back to.",
        "Promote another version instead.",
    )


def _set_alias(connection: Connection, alias: Alias, number: int, former: int | None) -> None:
    values = {"version": number, "since": datetime.now(UTC)}
    if former is not None:
        connection.execute(
            update(aliases_table).where(aliases_table.c.alias == alias).values(**values)
        )
        return
    try:
        connection.execute(insert(aliases_table).values(alias=alias, **values))
    except IntegrityError as error:  # two first champions at once, where rows are locked, not files
        raise PromotionRefused(
            f"Another version became {alias} in this moment.", "Look which, then decide again."
        ) from error


def _let_answer(
    connection: Connection, kind: EventKind, number: int, former: int | None, told: Told
) -> ModelEvent:
    """Make a version the champion, which challenges nobody any more."""
    _set_alias(connection, "champion", number, former)
    alias = aliases_table.c
    own = (alias.alias == "challenger") & (alias.version == number)
    connection.execute(delete(aliases_table).where(own))
    event: Told = {**told, "version": number, "former": former}
    return insert_event(connection, kind, **event)


def delete_version(workspace: Workspace, number: int, *, who: str = "") -> int:
    """Return how many bytes were freed; the version is gone, its number is not given again.

    Raises:
        VersionMissing: No version has that number.
        VersionInUse: It is champion or challenger.
    """
    with hold_registry(workspace):
        with write_database(workspace) as connection:
            aliases = select_aliases(connection, lock=True)
            version = select_version(connection, number)
            held = [alias for alias, named in aliases.items() if named == number]
            if held:
                raise VersionInUse(
                    f"{version.label} is the {held[0]}.",
                    "Promote another version first."
                    if held[0] == "champion"
                    else "Name another challenger first, or promote it.",
                    version=number,
                )
            connection.execute(delete(versions_table).where(versions_table.c.number == number))
            facts = {"name": version.name, "digest": version.digest, "run_id": version.run_id}
            insert_event(connection, "deleted", version=number, who=who, facts=facts)
            left = select_versions(connection)
        if not all(is_row_whole(one) for one in left):
            return 0  # what a damaged row needed is not known: nothing of it is swept away
        needed = {digest for one in left for digest in one.facts["files"].values()}
        return sweep_blobs(workspace, needed)


def keep_champion(
    workspace: Workspace, *, reason: str, who: str = "", challenger: int | None = None
) -> ModelEvent:
    """Return the event; nobody challenges the champion now. The version itself stays registered.

    Raises:
        PromotionRefused: No reason, no champion or challenger, or another challenger.
    """
    if not reason.strip():
        raise PromotionRefused("To keep the champion needs a reason.", "Say it in a few words.")
    with write_database(workspace) as connection:
        aliases = select_aliases(connection, lock=True)
        champion, now = aliases.get("champion"), aliases.get("challenger")
        if champion is None or now is None or challenger not in (None, now):
            raise PromotionRefused(
                "That version challenges the champion no more.", "Look who does, then decide."
            )
        connection.execute(delete(aliases_table).where(aliases_table.c.alias == "challenger"))
        facts = {"kept": champion}
        reason = reason.strip()
        return insert_event(
            connection, "challenger", former=now, who=who, reason=reason, facts=facts
        )
