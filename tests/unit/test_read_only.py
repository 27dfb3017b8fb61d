"""A workspace that can only be read: functions of core that write refuse, and nothing changes."""

import ast
import importlib
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import MagicMock

import pytest

from core.errors import ReadOnly
from core.monitoring.kept_photos import Photo
from core.monitoring.log import read_predictions
from core.runs.store import list_runs
from core.workspace import PROJECT_ROOT, Workspace, open_workspace
from data.manifest import list_datasets, read_dataset
from tests.digests import digest_folder
from tests.predictions import make_prediction

DOORS = {
    *("write_database", "write_json", "write_atomically", "make_folder_atomically", "start_job"),
    *("append_event", "append_line", "hold_lock", "take_lock", "try_lock", "mkdir", "touch"),
    *("unlink", "rmtree", "write_bytes"),
}
"""Calls that write; `rmtree` is of shutil, the others of our own or of paths."""
NOT_PAGES = ("core/ui/", "core/cli/", "core/charts/", "core/serving/")


def list_writing() -> Iterator[tuple[str, str]]:
    """Yield module and name of the public functions that write into a workspace."""
    for path in sorted((PROJECT_ROOT / "core").rglob("*.py")):
        place = path.relative_to(PROJECT_ROOT).as_posix()
        if place.startswith(NOT_PAGES):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
        for name, function in functions.items():
            takes = [argument.arg for argument in function.args.args[:1]]
            is_public = not name.startswith("_") and takes == ["workspace"]
            if is_public and reaches_door(function, functions, set()):
                yield place.removesuffix(".py").replace("/", "."), name


def reaches_door(
    function: ast.FunctionDef, functions: dict[str, ast.FunctionDef], seen: set[str]
) -> bool:
    """Return whether a function calls a door, or a private function of its file that does."""
    calls = (one.func for one in ast.walk(function) if isinstance(one, ast.Call))
    names = {getattr(call, "id", getattr(call, "attr", "")) for call in calls}
    private = {name for name in names if name.startswith("_") and name in functions} - seen
    seen |= private
    return bool(names & DOORS) or any(
        reaches_door(functions[name], functions, seen) for name in private
    )


@pytest.fixture
def given(challenged: Workspace) -> dict[str, Any]:
    """Argument → what functions are given for it; any other is a mock."""
    viewed = Workspace(challenged.root, read_only=True)
    run = list_runs(viewed)[0]
    dataset = read_dataset(viewed, list_datasets(viewed)[-1].id)
    known = dict.fromkeys(
        ("name", "notes", "who", "reason", "place", "module", "text", "note"), "a"
    )
    known |= dict.fromkeys(("import_id", "analysis_id", "export_id", "selection_id"), "0123abcd")
    known |= {
        "run": run,
        "run_id": run.id,
        "recipe": run.recipe,
        "folder": viewed.run_folder(run.id),
    }
    known |= {"dataset": dataset, "dataset_id": dataset.id, "photos": [0], "tags": ["a"]}
    known |= {"number": 2, "champion": 1, "challenger": 2, "numbers": [1], "epochs": 5}
    known |= {"prediction_id": read_predictions(viewed)["id"][0], "class_name": "rose"}
    known |= {"thing": run.id, "kind": "run", "parameters": {}, "digests": ["0" * 64]}
    known |= {"content": {"a": 1}, "photo": Photo(b"photo"), "action": "accept", "needed": set()}
    known |= {
        "facts": {},
        "rows": [make_prediction(0)],
        "former": [(1, "waiting", None)],
        "weights": "pretrained",
    }
    known["weights"] = "pretrained"
    return known | {"workspace": viewed, "target": challenged.root.parent / "a.tar", "index": None}


def call(function: Callable[..., Any], given: dict[str, Any]) -> None:
    taken = {
        name: given.get(name, MagicMock())
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty and parameter.kind.name != "VAR_KEYWORD"
    }
    answer = function(**taken)
    if isinstance(answer, AbstractContextManager):
        with answer:
            pass


@pytest.fixture
def others() -> Iterator[Path]:
    """An old folder of another program, in the system's temporary folder."""
    with TemporaryDirectory(prefix="upload-", ignore_cleanup_errors=True) as folder:
        os.utime(folder, (0, 0))
        yield Path(folder)


def test_each_function_that_writes_refuses(
    given: dict[str, Any], challenged: Workspace, others: Path
) -> None:
    before, refused, other = digest_folder(challenged.root), [], []
    for module, name in list_writing():
        try:
            call(getattr(importlib.import_module(module), name), given)
        except ReadOnly:
            refused.append(name)
            continue
        except Exception:  # noqa: BLE001 (a mock is of no use to it)
            pass
        other.append(name)
        assert digest_folder(challenged.root) == before, (module, name)
    assert digest_folder(challenged.root) == before and others.is_dir()
    assert len(refused) > 2 * len(other), other  # which had nothing to do, or not the right mock
    for name in ("submit_run", "delete_run", "promote", "log_predictions", "set_tag", "start_job"):
        assert name in refused


def test_what_a_path_is_made_of_refuses_too(workspace: Workspace) -> None:
    (workspace.datasets / "a").write_text("kept", encoding="utf-8")
    before, file = digest_folder(workspace.root), Workspace(workspace.root, read_only=True).datasets
    for path in (file / "a", next(file.iterdir()), (file / "b").with_name("a"), file.parent / "c"):
        for act in (path.touch, path.mkdir, path.unlink, path.rmdir):
            with pytest.raises(ReadOnly):
                act()
        for mode in ("w", "ab", "r+", "x"):
            with pytest.raises(ReadOnly):
                path.open(mode)
        with pytest.raises(ReadOnly):
            path.replace(path.with_name("d"))
    assert (file / "a").read_text(encoding="utf-8") == "kept"
    assert digest_folder(workspace.root) == before


def test_a_setting_opens_it_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_READ_ONLY", "true")
    assert open_workspace().read_only
    assert open_workspace() == Workspace(workspace.root, read_only=True)
