"""A version that nobody needs goes away, with the files that no other version needs."""

from sqlalchemy import delete

from core.errors import VersionInUse
from core.registry.blobs import hold_registry, sweep_blobs
from core.registry.events import insert_event
from core.registry.store import is_row_whole, select_aliases, select_version, select_versions
from core.runs.database import write_database
from core.runs.tables import versions_table
from core.workspace import Workspace


def delete_version(workspace: Workspace, number: int, *, who: str = "", reason: str = "") -> int:
    """Returns how many bytes were freed; the version is gone, its number is not given again.

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
            insert_event(connection, "deleted", version=number, who=who, reason=reason, facts=facts)
            left = select_versions(connection)
        if not all(is_row_whole(one) for one in left):
            return 0  # what a damaged row needed is not known: nothing of it is swept away
        needed = {digest for one in left for digest in one.facts["files"].values()}
        return sweep_blobs(workspace, needed)
