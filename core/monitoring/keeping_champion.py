"""The other answer to a challenger: the champion goes on, and the history says why."""

from sqlalchemy import delete

from core.errors import PromotionRefused
from core.registry.events import ModelEvent, insert_event
from core.registry.store import select_aliases
from core.runs.database import write_database
from core.runs.tables import aliases_table
from core.workspace import Workspace


def keep_champion(
    workspace: Workspace, *, reason: str, who: str = "", challenger: int | None = None
) -> ModelEvent:
    """Returns the event; nobody challenges the champion now. The version itself stays registered.

    Args:
        workspace: Holds the registry.
        reason: Why, in words; never empty.
        who: Decides, as far as it is known.
        challenger: The one that the person saw; refused when it is another by now.

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
        return insert_event(
            connection,
            "challenger",
            former=now,
            who=who,
            reason=reason.strip(),
            facts={"kept": champion},
        )
