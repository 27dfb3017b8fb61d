"""Views of photos under a name: what is asked of them, kept as the parameters of its link.

Each is a small JSON file in the workspace, written whole or not at all; a name belongs to one view,
whatever its case, and a newer one of that name replaces it.
"""

import json
from collections.abc import Mapping

from core.config import fingerprint
from core.errors import QueryRefused
from core.formats import check_name
from core.workspace import Workspace, write_atomically

LONGEST_NAME = 60
_VERSION = 1


def save_view(workspace: Workspace, name: str, address: Mapping[str, str]) -> str:
    """Return the name under which the parameters of a link were saved.

    Raises:
        QueryRefused: The name cannot be used.
    """
    name = check_name(name, LONGEST_NAME, "a view", QueryRefused)
    content = {"version": _VERSION, "name": name, "address": dict(address)}
    with write_atomically(workspace.view_file(_identify(name))) as path:
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return name


def list_views(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return name → parameters of the saved views, by name; damaged files are left out."""
    views = {}
    for file in workspace.views.glob("[!.]*.json"):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["version"] == _VERSION:
                address = {str(key): str(value) for key, value in content["address"].items()}
                views[str(content["name"])] = address
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
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
        f"There is no saved view “{name[:LONGEST_NAME]}”.",
        "It may have been deleted: build the query anew, and save it.",
    )


def delete_view(workspace: Workspace, name: str) -> None:
    """Remove a saved view; where it is gone already, nothing is to be done."""
    workspace.view_file(_identify(name)).unlink(missing_ok=True)


def _identify(name: str) -> str:
    return fingerprint({"view": name.casefold()})
