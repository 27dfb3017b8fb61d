"""The house keeps its shape: who imports whom, what pages never load, how large things get."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("core", "data", "models", "pages") for path in (ROOT / folder).rglob("*.py")
)
GROUND_FLOOR = {
    "core.config",
    "core.downloading",
    "core.errors",
    "core.formats",
    "core.workspace",
}
MIDDLE = {
    "core.charts",
    "core.datasets",
    "core.evaluation",
    "core.exporting",
    "core.monitoring",
    "core.prediction",
    "core.registry",
    "core.reporting",
    "core.runs",
}
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))

ALLOWED = {
    "core.config": {"core.errors"},
    "core.downloading": {"core.errors"},
    "core.errors": {"core.errors"},
    "core.formats": set(),
    "core.workspace": GROUND_FLOOR,
    "data": GROUND_FLOOR | {"data"},
    "models": GROUND_FLOOR | {"models"},
    "core.charts": GROUND_FLOOR | {"core.charts"},
    "core.evaluation": GROUND_FLOOR | {"core.evaluation"},
    "core.runs": GROUND_FLOOR | {"core.runs", "models", "data"},
    "core.prediction": GROUND_FLOOR
    | {"core.evaluation", "core.prediction", "core.runs", "models", "data"},
    "core.datasets": GROUND_FLOOR
    | {"core.datasets", "core.evaluation", "core.runs", "models", "data"},
    "core.reporting": GROUND_FLOOR
    | {
        "core.charts",
        "core.datasets",
        "core.evaluation",
        "core.prediction",
        "core.reporting",
        "core.runs",
        "models",
        "data",
    },
    "core.registry": GROUND_FLOOR
    | {"core.evaluation", "core.prediction", "core.registry", "core.runs", "models", "data"},
    "core.monitoring": GROUND_FLOOR
    | {
        "core.datasets",
        "core.evaluation",
        "core.monitoring",
        "core.prediction",
        "core.registry",
        "core.runs",
        "models",
        "data",
    },
    "core.exporting": GROUND_FLOOR
    | {
        "core.evaluation",
        "core.exporting",
        "core.prediction",
        "core.registry",
        "core.reporting",
        "core.runs",
        "models",
        "data",
    },
    "core.serving": GROUND_FLOOR
    | {
        "core.evaluation",
        "core.monitoring",
        "core.prediction",
        "core.registry",
        "core.runs",
        "core.serving",
        "models",
        "data",
    },
    "core.ui": GROUND_FLOOR | MIDDLE | {"core.ui", "models", "data"},
    "core.cli": GROUND_FLOOR
    | MIDDLE
    | {"core.cli", "core.bench", "core.serving", "models", "data"},
    "core.bench": GROUND_FLOOR
    | MIDDLE
    | {"core.bench", "core.cli", "core.serving", "models", "data"},
    "core.__main__": {"core.cli"},
    "pages": {"core.ui"},
}
"""Module or package → what of ours it may import."""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "core":
                yield from (f"core.{alias.name}" for alias in node.names)
            else:
                yield node.module


def is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def floor_of(module: str) -> str | None:
    owners = [owner for owner in ALLOWED if is_within(module, {owner})]
    return max(owners, key=len) if owners else None


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_imports_never_point_upward(path: Path) -> None:
    module = module_name(path)
    if module == "core":
        return
    owner = floor_of(module)
    assert owner is not None, f"{module} has no floor in the house: give it one in ALLOWED"
    ours = {name for name in imported_modules(path) if is_within(name, {"core", "data", "models"})}
    breaches = {name for name in ours if not is_within(name, ALLOWED[owner])}
    assert not breaches, f"{module} must not import {sorted(breaches)}"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_libraries_stay_where_they_belong(path: Path) -> None:
    module = module_name(path)
    if is_within(module, {"core.exporting.shipped"}):
        return  # it goes into exports and is never imported here
    imported = set(imported_modules(path))
    if not is_within(module, {"pages", "core.ui", "core.bench"}):
        assert not any(is_within(name, {"streamlit"}) for name in imported)
    if not is_within(module, {"core.serving"}):
        assert not any(is_within(name, {"fastapi", "starlette"}) for name in imported)
    if not is_within(module, {"models", "core.bench"}):
        assert not any(is_within(name, {"keras", "tensorflow"}) for name in imported)


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_stay_readable(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= (150 if path.parent.name == "pages" else 350)
    if path.name != "__init__.py":
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name == "pages"])
def test_a_page_is_a_direct_script(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unwanted = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While)
    assert not [node for node in ast.walk(tree) if isinstance(node, unwanted)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_loads_keras_or_tensorflow(page: str, trained_workspace: Workspace) -> None:
    script = (
        "import sys\n"
        "import core.prediction.predictor\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(ROOT / 'pages' / (page + '.py'))!r}, default_timeout=60)\n"
        "assert not app.run().exception\n"
        "assert not {'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules), 'loaded'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(trained_workspace.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
