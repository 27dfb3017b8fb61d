"""What a challenger learns from when nobody says: the newest dataset with the reviewed photos."""

from sqlalchemy import select

from core.errors import FeedbackRefused, RetrainingRefused, VersionMissing
from core.monitoring.gathering import list_reviewed, make_reviewed_version
from core.registry.store import ModelVersion, find_version
from core.runs.database import read_database
from core.runs.tables import feedback_table
from core.workspace import Workspace
from data.manifest import list_datasets


def choose_dataset(workspace: Workspace, champion: ModelVersion, who: str = "") -> str:
    """Returns the id of the dataset; reviewed photos that none holds yet make a new version.

    Raises:
        RetrainingRefused: Nothing was reviewed since the champion was trained.
        PetalscopeError: The reviewed photos make no dataset.
    """
    base = find_base(workspace, champion)
    if list_reviewed(workspace, base):
        try:
            return make_reviewed_version(workspace, base, who=who).id
        except FeedbackRefused:  # none of them can be added; an earlier version may still wait
            if base == champion.dataset_id:
                raise
    if base == champion.dataset_id:
        raise RetrainingRefused(
            f"Nothing new was reviewed since {champion.label} was trained.",
            "Say of some answers whether they are right, review them, then retrain.",
        )
    return base


def count_waiting(workspace: Workspace) -> int:
    """Returns how many reviewed photos wait to be learnt from by the champion's challenger."""
    try:
        champion = find_version(workspace, "champion")
    except VersionMissing:
        return 0
    return len({one.photo for one in list_reviewed(workspace, champion.dataset_id)})


def find_base(workspace: Workspace, champion: ModelVersion) -> str:
    """Returns the newest dataset made of the champion's with reviewed photos, else the champion's.

    So photos that were reviewed for a challenger that was not promoted are not lost.
    """
    column = feedback_table.c.dataset
    with read_database(workspace) as connection:
        query = select(column).where(column.is_not(None)).distinct()
        reviewed = set(connection.scalars(query))
    family, descendants = {champion.dataset_id}, []
    for summary in sorted(list_datasets(workspace), key=lambda one: one.edition):
        if family.isdisjoint(summary.ancestors):
            continue
        family.add(summary.id)
        if summary.id in reviewed:
            descendants.append(summary)
    newest = max(descendants, key=lambda one: (one.created, one.edition), default=None)
    return champion.dataset_id if newest is None else newest.id
