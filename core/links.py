"""Links that show one thing to whoever has them, read-only, until they are taken back.

A link is a small file of the workspace; its address carries the id of it, signed. Who comes by one
is a guest: they see what it names, on the pages for it, and change nothing.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.people import Person, acts, sign, unsign
from core.workspace import Workspace, read_json_files, write_json

PAGES = {
    "run": ("metrics", "confusion", "mistakes", "calibration", "slices"),
    "dataset": ("dataset",),
    "lesson": ("lesson",),
}
"""What a link shows → its pages, the one that it opens first."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link that stands; `made` in UTC as ISO 8601."""

    id: str
    name: str
    query: str
    """Page and what it opens there, as "metrics?run=0123456789abcdef"."""
    sees: tuple[str, ...]
    """What a guest sees by it, each as "run 0123456789abcdef" or "page metrics"."""
    made: str


@acts("make", "link")
def make_link(
    workspace: Workspace, what: str, name: str, dataset_id: str, runs: Sequence[str] = ()
) -> Link:
    """Return a new link to the one run, the photos of a dataset, or the lesson on it.

    Args:
        what: A key of PAGES.
        name: What to call it in the list of links.
        runs: Runs of the dataset that are shown with it.
    """
    pages = PAGES[what]
    about = f"run={runs[0]}" if what == "run" else f"dataset={dataset_id}"
    sees = [f"dataset {dataset_id}", *(f"run {run}" for run in runs)]
    link = Link(
        id=secrets.token_hex(8),
        name=name,
        query=f"{pages[0]}?{about}",
        sees=(*sees, *(f"page {page}" for page in pages)),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_json(workspace.link_file(link.id), asdict(link))
    return link


def list_links(workspace: Workspace) -> list[Link]:
    """Return the links that were not taken back, newest first."""
    links = read_json_files(workspace.links, _restore)
    return sorted(links, key=lambda link: (link.made, link.id), reverse=True)


@acts("delete", "link", "link_id")
def take_back_link(workspace: Workspace, link_id: str) -> None:
    """Have a link show nothing any more, at once; who looks by it is out at their next click."""
    workspace.link_file(link_id).unlink(missing_ok=True)


def write_address(workspace: Workspace, link: Link) -> str:
    """Return the address of a link, below that of the workbench."""
    return f"{link.query}&link={sign(workspace.key_file, {'link': link.id})}"


def find_guest(workspace: Workspace, token: str) -> Person | None:
    """Return who comes by the token of a link; None where it is forged or was taken back."""
    said = unsign(workspace.key_file, token)
    file = workspace.link_file(said["link"]) if said and "link" in said else None
    if file is None or not file.exists():
        return None
    return _read_guest(file)


@lru_cache(maxsize=256)
def _read_guest(file: Path) -> Person:
    """Return the guest of a link; it never changes while it is there."""
    link = _restore(json.loads(file.read_text(encoding="utf-8")))
    return Person(id=f"link-{link.id}", role="guest", sees=frozenset(link.sees))


def _restore(content: Any) -> Link:
    return Link(**content | {"sees": tuple(content["sees"])})
