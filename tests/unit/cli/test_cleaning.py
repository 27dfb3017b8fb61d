"""`clean` removes what nothing needs, and nothing else; with --dry-run it only says so."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.config import fingerprint
from core.registry.registering import register_run
from core.registry.store import check_files
from core.runs.queue.control import pause_run
from core.runs.queue.queue import request_stop, submit_run
from core.runs.recipe.recipe import Recipe
from core.runs.store import list_runs
from core.workspace import Workspace
from data.policy import PRESETS

LONG_AGO = (1_600_000_000, 1_600_000_000)
GONE = 4_000_000
"""A number that no process has."""


def clean(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """Return what `clean` says: kind → how many."""
    capsys.readouterr()
    assert main(["clean", "--json", *argv]) == 0
    said = json.loads(capsys.readouterr().out)
    kinds = [one["kind"] for one in said["found"]]
    return {kind: kinds.count(kind) for kind in kinds} | {"bytes": said["bytes"]}


def put(file: Path, content: str = "0123456789", *, old: bool = True) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    if old:
        os.utime(file, LONG_AGO)
    return file


def list_files(workspace: Workspace) -> set[Path]:
    files = {file for file in workspace.root.rglob("*") if file.is_file()}
    return {file for file in files if not file.name.startswith("petalscope.db")}


def make_old(workspace: Workspace) -> None:
    for path in workspace.root.rglob("*"):
        os.utime(path, LONG_AGO)


def test_what_is_needed_stays_however_old_it_is(trained_copy: Workspace, capsys) -> None:
    [run] = list_runs(trained_copy)
    version = register_run(trained_copy, run.id)
    paused, _ = submit_run(trained_copy, Recipe(dataset=run.recipe.dataset, weights_digest="d"))
    pause_run(trained_copy, paused.id)
    put(trained_copy.run_folder(paused.id) / "checkpoint" / "head" / "checkpoint.npz")
    put(trained_copy.features / f".{run.recipe.dataset}.features.0123.part")
    make_old(trained_copy)
    before = list_files(trained_copy)
    assert clean(capsys) == {"bytes": 0}
    assert list_files(trained_copy) == before
    assert check_files(trained_copy, version.number)
    assert main(["evaluate", run.id]) == 0


def test_what_nothing_needs_goes(trained_copy: Workspace, capsys) -> None:
    [run] = list_runs(trained_copy)
    register_run(trained_copy, run.id)
    failed, _ = submit_run(trained_copy, Recipe(dataset=run.recipe.dataset, weights_digest="d"))
    request_stop(trained_copy, failed.id)
    backbone = next(trained_copy.backbones.glob("[!.]*")).name
    before = list_files(trained_copy)
    facts = {"dataset": run.recipe.dataset, "backbone": backbone, "view": "pooled"}
    unseen = json.dumps(facts | {"policy": fingerprint(PRESETS["strong"])})
    rubbish = [
        put(trained_copy.features / "aaaa000000000000.json", json.dumps({"dataset": "gone"})),
        put(trained_copy.features / "aaaa000000000000.npy"),
        put(trained_copy.features / "bbbb000000000000.json", unseen),
        put(trained_copy.features / "bbbb000000000000.npy"),
        put(trained_copy.features / "cccc000000000000.npy"),  # nothing says what it is
        put(trained_copy.features / f".{run.recipe.dataset}.features.0123.part"),
        put(trained_copy.datasets / f".{GONE}-12345678-name" / "images.npy"),
        put(trained_copy.run_folder(run.id) / f".{GONE}-12345678-result.npz"),
        put(trained_copy.registry / "files" / "ab" / ("ab" + "0" * 62)),
        put(trained_copy.maps / "0123456789abcdef" / "x.map"),
        put(trained_copy.temporary / "import-1"),
        put(trained_copy.run_folder(failed.id) / "checkpoint" / "head" / "checkpoint.npz"),
    ]
    young = [
        put(trained_copy.temporary / "import-2", old=False),
        put(trained_copy.datasets / f".{os.getpid()}-12345678-name"),
    ]
    os.utime(trained_copy.datasets / f".{GONE}-12345678-name", LONG_AGO)
    there = list_files(trained_copy)
    said = clean(capsys, "--dry-run", "--days", "0")
    assert said["bytes"] == sum(file.stat().st_size for file in rubbish)
    assert list_files(trained_copy) == there
    assert clean(capsys, "--days", "0") == said
    assert list_files(trained_copy) == before | set(young)
    assert clean(capsys, "--days", "0") == {"bytes": 0}


def test_where_a_run_is_not_known_what_it_may_need_stays(trained_copy: Workspace, capsys) -> None:
    put(trained_copy.runs / "0123456789abcdef" / "recipe.json", "{}")  # of a newer program
    put(trained_copy.features / "cccc000000000000.npy")
    assert clean(capsys) == {"bytes": 0}
