"""Makes an export that is kept in the workspace, unless it stands there already."""

from datetime import UTC, datetime
from pathlib import Path

from core.exporting.making import Making, Tell
from core.exporting.store import (
    ExportRecord,
    ExportWish,
    identify_export,
    is_made,
    keep_export,
    read_export,
)
from core.workspace import Workspace, digest_file


def make_export(workspace: Workspace, wish: ExportWish, tell: Tell) -> ExportRecord:
    """Returns the export that fulfils the wish, made now if it is not there.

    Raises:
        ExtraMissing: A format needs a package that is not installed.
        ExportFailed: A format does not answer like the program.
        DiskFull: There is no room; nothing is left.
    """
    identifier = identify_export(workspace, wish)
    if is_made(workspace, identifier):
        return read_export(workspace, identifier)
    folder = workspace.export_folder(identifier)
    folder.mkdir(parents=True, exist_ok=True)
    making = Making(workspace, wish, tell)
    target = folder / f"petalscope-{wish.model[:8]}-{identifier[:6]}.zip"
    making.write(target)
    record = describe_export(identifier, wish, making, target)
    keep_export(workspace, record)
    return record


def describe_export(
    identifier: str, wish: ExportWish, making: Making, target: Path
) -> ExportRecord:
    """Returns what is known of an export that was just written."""
    return ExportRecord(
        id=identifier,
        model=wish.model,
        title=making.title,
        formats=wish.formats,
        space=wish.space,
        golden=making.golden_origin,
        photos=making.golden_photos,
        file=target.name,
        bytes=target.stat().st_size,
        sha256=digest_file(target),
        created=datetime.now(UTC),
        checked=making.checked,
        seconds=making.seconds,
    )
