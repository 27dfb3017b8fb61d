"""The files of a run: its events, whether its result is whole, what goes when it is deleted.

events.jsonl has one JSON object a line: queued, phase, progress, epoch, lost, end, each with its
"time" in seconds since 1970; one process writes, anyone reads from the last byte read. result.json
names the digests of the other files; it is written last and removed first. No NumPy: the queue asks
this inside the scheduler.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.config import fingerprint
from core.runs.recipe.recipe import Recipe
from core.workspace import (
    Workspace,
    check_identifier,
    digest_file,
    remove_folder,
    write_whole,
)

RECIPE_FILE = "recipe.json"
ARRAYS_FILE = "result.npz"
HEAD_FILE = "head.npz"
FACTS_FILE = "result.json"
VERSION = 1
_BACKBONE_FACTS = "backbone.json"
EVENTS_FILE = "events.jsonl"


def list_run_folders(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders of runs, also of those that the index does not have."""
    for file in sorted(workspace.runs.glob(f"[!.]*/{RECIPE_FILE}")):
        yield file.parent


def is_result_whole(folder: Path) -> bool:
    """Return whether the result is there and no file of it was cut short or altered."""
    try:
        facts = read_facts(folder)
        names = {ARRAYS_FILE, HEAD_FILE, *facts["digests"]}  # tuned weights, too, where there are
        return all(is_file_whole(folder, name, facts) for name in names)
    except (FileNotFoundError, ValueError):
        return False


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what result.json says.

    Raises:
        FileNotFoundError: There is no result (yet).
        ValueError: It was cut short, altered, or written by another version of the program.
    """
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or facts.get("version") != VERSION or "digests" not in facts:
        raise ValueError(f"{FACTS_FILE} is not of version {VERSION}")
    return facts


def is_file_whole(folder: Path, name: str, facts: dict[str, Any]) -> bool:
    """Return whether a file is there with the digest that result.json says."""
    path = folder / name
    return path.exists() and digest_file(path) == facts["digests"].get(name)


def remove_run(
    workspace: Workspace, folder: Path, recipe: Recipe, others: Iterable[Recipe]
) -> None:
    """Delete the folder of a run, and cached files that no other run needs.

    These are augmented views and framed photos, and the backbone that the run tuned with its
    features and maps. Features of a backbone that was not tuned belong to the dataset.
    """
    backbone = _find_backbone(folder)
    remove_folder(workspace, folder)
    if recipe.trained_stages and backbone is not None:
        _remove_tuned_backbone(workspace, backbone, recipe)
    same = [other for other in others if other.dataset == recipe.dataset]
    keys = {_key_views(recipe), _key_framed(recipe)}
    keys -= {key for other in same for key in (_key_views(other), _key_framed(other))}
    for file in workspace.features.glob("[!.]*.json") if keys else ():
        facts = read_json(file)
        key = ("framing", facts.get("framing"), facts.get("photo_size"))
        mine = facts.get("dataset") == recipe.dataset
        if mine and (key in keys or ("policy", facts.get("policy")) in keys):
            _remove_features(file)


def _key_views(recipe: Recipe) -> tuple[object, ...]:
    return ("policy", fingerprint(recipe.augmentation))


def _key_framed(recipe: Recipe) -> tuple[object, ...]:
    return ("framing", recipe.framing, recipe.photo_side)


def _remove_tuned_backbone(workspace: Workspace, backbone: str, recipe: Recipe) -> None:
    """Delete the backbone unless another run has it too, or its best epoch trained nothing."""
    if backbone in (_find_backbone(other) for other in workspace.runs.glob("[!.]*")):
        return
    tuned = workspace.backbone_folder(backbone)
    if read_json(tuned / _BACKBONE_FACTS).get("weights_digest") in (None, recipe.weights_digest):
        return
    for file in workspace.features.glob("[!.]*.json"):
        if read_json(file).get("backbone") == backbone:
            _remove_features(file)
    for maps in workspace.maps.glob(f"*/{backbone}-*"):
        shutil.rmtree(maps, ignore_errors=True)
    remove_folder(workspace, tuned)


def _remove_features(facts_file: Path) -> None:
    facts_file.unlink(missing_ok=True)  # first: without it the others are not read
    facts_file.with_suffix(".npy").unlink(missing_ok=True)


def _find_backbone(folder: Path) -> str | None:
    """Return the id of the backbone that gave the result in a folder; None without one."""
    try:
        return check_identifier(str(read_facts(folder)["backbone_id"]))
    except (OSError, ValueError, KeyError):
        return None


def read_json(file: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds; empty where it holds none or cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def append_event(folder: Path, event: Mapping[str, object]) -> None:
    """Write the event as one line, with its time, visible to readers when this returns."""
    append_line(folder / EVENTS_FILE, {"time": round(time.time(), 3), **event})


def append_line(file_of_lines: Path, content: Mapping[str, object]) -> None:
    """Append the content as one line of JSON, behind a line that a kill has cut short."""
    line = json.dumps(content, allow_nan=False).encode() + b"\n"
    # Unbuffered: one write call a line, so that a kill leaves whole lines or the start of one.
    with file_of_lines.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a worker was killed while it wrote
                line = b"\n" + line
        write_whole(file, line)


def read_events(folder: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the events after byte `offset`, and the offset to go on from.

    Only whole lines are read; a line cut short by a kill is skipped. No file yet: no events. A
    file shorter than `offset` was started afresh: it is read from its beginning.
    """
    try:
        with (folder / EVENTS_FILE).open("rb") as file:
            if os.fstat(file.fileno()).st_size < offset:
                offset = 0
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], 0
    whole = content[: content.rfind(b"\n") + 1]
    events = [event for line in whole.splitlines() if (event := _parse(line)) is not None]
    return events, offset + len(whole)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def curve(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one entry an epoch, sorted; of an epoch that was done twice, the later one."""
    epochs = {event["epoch"]: dict(event) for event in events if event.get("event") == "epoch"}
    return [epochs[epoch] for epoch in sorted(epochs)]


def latest_progress(events: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the progress of the phase that is going, or None when it has not reported any."""
    for event in reversed(events):
        if event.get("event") == "progress":
            return dict(event)
        if event.get("event") in ("phase", "queued", "end"):
            return None
    return None
