"""What was saved of photos under a name: the chosen ones, opened again by link, and views.

Each is a small JSON file in the workspace, written whole or not at all; a name belongs to one. A
selection holds what its photos are (path and content), so that it is found again in later versions
of its dataset; photos that are gone are counted out, never replaced by others. A view holds the
parameters of its link, and a newer one of its name replaces it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic import AwareDatetime, TypeAdapter

from core.config import fingerprint
from core.errors import PetalscopeError, QueryRefused, SelectionMissing, SelectionRefused
from core.formats import check_name, check_note
from core.runs.locks import hold_lock
from core.workspace import Workspace, check_identifier, read_json_files, write_json
from data.dataset import Dataset
from data.manifest import match_photos

LONGEST_NAME, LONGEST_NOTE = 60, 500
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A saved selection; `paths` and `digests` (SHA-256) go together, in the order they had."""

    id: str
    name: str
    note: str
    dataset: str
    """The version in which the photos were chosen."""
    run: str | None
    """The run whose answers were looked at, or None."""
    created: AwareDatetime
    paths: tuple[str, ...]
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)


_SELECTION = TypeAdapter(Selection)


def save_selection(
    workspace: Workspace,
    dataset: Dataset,
    photos: Sequence[int],
    name: str,
    note: str = "",
    run: str | None = None,
) -> Selection:
    """Return the selection, saved. One of the same name, whatever its case, is not replaced.

    Args:
        photos: Numbers of photos of the dataset, in the order to keep; each is kept once.
        run: Id of the run whose answers were looked at.

    Raises:
        SelectionRefused: No photo, no name that can be kept, a name that is taken, or a long note.
    """
    name = check_name(name, LONGEST_NAME, "a selection", SelectionRefused)
    note = check_note(note, LONGEST_NOTE, SelectionRefused)
    chosen = dataset.manifest.iloc[check_photos(dataset, photos, "to save", SelectionRefused)]
    selection = Selection(
        id=_identify(name),
        name=name,
        note=note,
        dataset=dataset.id,
        run=run,
        created=datetime.now(UTC),
        paths=tuple(chosen["path"]),
        digests=tuple(chosen["sha256"]),
    )
    _write_new(workspace, selection)
    return selection


def check_photos(
    dataset: Dataset, photos: Sequence[int], what_for: str, refused: type[PetalscopeError]
) -> list[int]:
    """Return the numbers of photos, each once, in their order; refused: none, or an unknown one."""
    rows = list(dict.fromkeys(int(photo) for photo in photos))
    if not rows or not all(0 <= row < len(dataset) for row in rows):
        raise refused(
            f"There is no photo {what_for}, or one that is not in this dataset.",
            "Choose at least one photo of the dataset that is shown.",
        )
    return rows


def list_selections(workspace: Workspace) -> list[Selection]:
    """Return all saved selections, newest first; damaged files are left out."""
    found = read_json_files(workspace.selections, _parse)
    return sorted(found, key=lambda selection: (selection.created, selection.id), reverse=True)


def read_selection(workspace: Workspace, selection_id: str) -> Selection:
    """Return a saved selection.

    Raises:
        BadIdentifier: It is no id at all.
        SelectionMissing: There is none of that id, or its file was altered.
    """
    path = workspace.selection_file(selection_id)
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise _missing("There is no such selection any more.", selection_id) from error
    except (ValueError, KeyError, TypeError) as error:
        raise _missing("The file of this selection was altered.", selection_id) from error


def delete_selection(workspace: Workspace, selection_id: str) -> None:
    """Remove a saved selection; photos and datasets are not touched.

    Raises:
        SelectionMissing: There is none of that id.
    """
    try:
        workspace.selection_file(selection_id).unlink()
    except FileNotFoundError as error:
        raise _missing("There is no such selection any more.", selection_id) from error


def find_selected(selection: Selection, dataset: Dataset) -> np.ndarray:
    """Return the photos of the selection that a dataset holds, (m,) int64, in the saved order.

    A photo is found by path and content, else by content: never by its path alone.
    """
    saved = pd.DataFrame({"path": selection.paths, "sha256": selection.digests})
    rows, photos = match_photos(saved, dataset.manifest)
    return photos[np.argsort(rows, kind="stable")]


def _write_new(workspace: Workspace, selection: Selection) -> None:
    path = workspace.selection_file(selection.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(path.parent / ".lock"):
        if path.exists():
            raise SelectionRefused(
                f"There is a selection “{selection.name}” already.",
                "Choose another name, or delete that one first: links lead to it.",
                name=selection.name,
            )
        content = {**asdict(selection), "created": selection.created.isoformat()}
        write_json(path, {"version": _VERSION, **content})


def _parse(content: dict[str, Any]) -> Selection:
    """Return the selection of a file; raises ValueError, KeyError or TypeError for a bad one."""
    if content.pop("version") != _VERSION:
        raise ValueError("of another version of the program")
    selection = _SELECTION.validate_python(content)
    if len(selection.paths) != len(selection.digests):
        raise ValueError("paths and digests do not go together")
    return selection


def _identify(name: str) -> str:
    return check_identifier(fingerprint({"selection": name.casefold()}))


def _missing(problem: str, selection_id: str) -> SelectionMissing:
    return SelectionMissing(
        problem,
        "It may have been deleted: choose another on the page Mistakes, or save one anew.",
        selection=selection_id,
    )


LONGEST_VIEW = 60
_VIEW_VERSION = 1


def save_view(workspace: Workspace, name: str, address: Mapping[str, str]) -> str:
    """Return the name under which the parameters of a link were saved.

    Raises:
        QueryRefused: The name cannot be used.
    """
    name = check_name(name, LONGEST_VIEW, "a view", QueryRefused)
    content = {"version": _VIEW_VERSION, "name": name, "address": dict(address)}
    write_json(workspace.view_file(_identify_view(name)), content)
    return name


def list_views(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return name → parameters of the saved views, by name; damaged files are left out."""

    def parse(content: Any) -> tuple[str, dict[str, str]]:
        if content["version"] != _VIEW_VERSION:
            raise ValueError("of another version of the program")
        address = {str(key): str(value) for key, value in content["address"].items()}
        return str(content["name"]), address

    views = dict(read_json_files(workspace.views, parse))
    return {name: views[name] for name in sorted(views, key=str.casefold)}


def read_view(workspace: Workspace, name: str) -> dict[str, str]:
    """Return the parameters of a saved view.

    Raises:
        QueryRefused: There is none of that name.
    """
    wanted = " ".join(name.split()).casefold()
    for known, address in list_views(workspace).items():
        if known.casefold() == wanted:
            return address
    raise QueryRefused(
        f"There is no saved view “{name[:LONGEST_VIEW]}”.",
        "It may have been deleted: build the query anew, and save it.",
    )


def delete_view(workspace: Workspace, name: str) -> None:
    """Remove a saved view; where it is gone already, nothing is to be done."""
    workspace.view_file(_identify_view(name)).unlink(missing_ok=True)


def _identify_view(name: str) -> str:
    return fingerprint({"view": name.casefold()})
