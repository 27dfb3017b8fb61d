"""The files of a run: events, digests of the result, and deletion.

events.jsonl has one JSON object per line: queued, phase, progress, epoch, lost, end, each with its
"time" in seconds since 1970. result.json has the digests of the other files; it is written last and
deleted first. No NumPy: the scheduler imports this.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.config import fingerprint
from core.errors import BadIdentifier
from core.runs.recipe.recipe import Recipe
from core.workspace import Workspace, check_identifier, digest_file, remove_folder, write_whole

RECIPE_FILE = "recipe.json"
ARRAYS_FILE = "result.npz"
HEAD_FILE = "head.npz"
FACTS_FILE = "result.json"
VERSION = 1
EVENTS_FILE = "events.jsonl"
CHECKPOINT_FOLDER = "checkpoint"


def list_run_folders(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders of runs on disk."""
    for file in sorted(workspace.runs.glob(f"[!.]*/{RECIPE_FILE}")):
        yield file.parent


def is_result_whole(folder: Path) -> bool:
    """Return whether the result exists and all its files are intact."""
    try:
        facts = read_facts(folder)
        # The head, if a model was trained here, and fine-tuned weights.
        names = {ARRAYS_FILE, *facts["digests"]}
        return all(is_file_whole(folder, name, facts) for name in names)
    except (FileNotFoundError, ValueError):
        return False


def read_facts(folder: Path) -> dict[str, Any]:
    """Return the content of result.json.

    Raises:
        FileNotFoundError: There is no result (yet).
        ValueError: The file is damaged, or of another version of the program.
    """
    facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or facts.get("version") != VERSION or "digests" not in facts:
        raise ValueError(f"{FACTS_FILE} is not of version {VERSION}")
    return facts


def is_file_whole(folder: Path, name: str, facts: dict[str, Any]) -> bool:
    """Return whether the file has the digest of result.json."""
    path = folder / name
    return path.exists() and digest_file(path) == facts["digests"].get(name)


def remove_run(
    workspace: Workspace, folder: Path, recipe: Recipe, others: Iterable[Recipe]
) -> None:
    """Delete the folder of a run, and cached files that no other run needs.

    These are views, padded photos, and a fine-tuned backbone with its features and maps.
    """
    backbone = _find_backbone(folder) if recipe.trained_stages else None
    remove_folder(workspace, folder)
    if backbone is not None:
        _remove_tuned_backbone(workspace, backbone, recipe)
    same = [other for other in others if other.dataset == recipe.dataset]
    keys = _list_keys(recipe).difference(*map(_list_keys, same))
    for file in workspace.features.glob("[!.]*.json") if keys else ():
        facts = read_json(file)
        key = ("framing", facts.get("framing"), facts.get("photo_size"))
        mine = facts.get("dataset") == recipe.dataset
        if mine and (key in keys or ("policy", facts.get("policy")) in keys):
            delete_rows(file)


def _list_keys(recipe: Recipe) -> set[tuple[object, ...]]:
    """Return the facts of the views, and of the padded photos, that a run reads."""
    views = ("policy", fingerprint(recipe.augmentation))
    return {views, ("framing", recipe.framing, recipe.photo_side)}


def _remove_tuned_backbone(workspace: Workspace, backbone: str, recipe: Recipe) -> None:
    """Delete the backbone unless another run has it, or it is the frozen one."""
    if backbone in (_find_backbone(other) for other in workspace.runs.glob("[!.]*")):
        return
    tuned = workspace.backbone_folder(backbone)
    if read_json(tuned / "backbone.json").get("weights_digest") in (None, recipe.weights_digest):
        return
    for file in workspace.features.glob("[!.]*.json"):
        if read_json(file).get("backbone") == backbone:
            delete_rows(file)
    for maps in workspace.maps.glob(f"*/{backbone}-*"):
        shutil.rmtree(maps, ignore_errors=True)
    remove_folder(workspace, tuned)


def delete_rows(file: Path) -> int:
    """Delete cached rows and their facts, by either file; return the bytes of the rows."""
    file.with_suffix(".json").unlink(missing_ok=True)  # first: without it the rows are not read
    rows = file.with_suffix(".npy")
    size = rows.stat().st_size if rows.exists() else 0
    rows.unlink(missing_ok=True)
    return size


def _find_backbone(folder: Path) -> str | None:
    """Return the id of the backbone of a result; None without a result."""
    try:
        return check_identifier(str(read_facts(folder)["backbone_id"]))
    except (OSError, ValueError, KeyError, BadIdentifier):  # added predictions have none
        return None


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty where it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def append_event(folder: Path, event: Mapping[str, object]) -> None:
    """Append an event with its time."""
    append_line(folder / EVENTS_FILE, {"time": round(time.time(), 3), **event})


def append_line(file_of_lines: Path, content: Mapping[str, object]) -> None:
    """Append the content as a line of JSON, also after a line that a kill cut short."""
    line = json.dumps(content, allow_nan=False).encode() + b"\n"
    # Unbuffered, one write per line: a kill leaves whole lines or the start of one.
    with file_of_lines.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":  # a worker was killed while it wrote
                line = b"\n" + line
        write_whole(file, line)


def read_events(folder: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the events after byte `offset`, and the next offset."""
    return read_lines(folder / EVENTS_FILE, offset)


def read_lines(file_of_lines: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the lines of JSON after byte `offset`, and the next offset.

    A line that a kill cut short is skipped. A file shorter than `offset` is new: it is read from
    its start.
    """
    try:
        with file_of_lines.open("rb") as file:
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
    """Return one entry per epoch, sorted; of a repeated epoch the later one."""
    epochs = {event["epoch"]: dict(event) for event in events if event.get("event") == "epoch"}
    return [epochs[epoch] for epoch in sorted(epochs)]


def latest_progress(events: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the latest progress of the current phase, or None."""
    for event in reversed(events):
        if event.get("event") == "progress":
            return dict(event)
        if event.get("event") in ("phase", "queued", "end"):
            return None
    return None
