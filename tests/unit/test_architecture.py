"""The house keeps its shape: how large things get, and which libraries pages never load.

Who may import whom is said in pyproject.toml ([tool.importlinter]) and checked by `make check`.
Each test lists all that offends. The limits …_LEFT are today's counts: they may only fall.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
SOURCES = sorted(
    path for folder in ("core", "data", "models", "pages") for path in (ROOT / folder).rglob("*.py")
)
ROOMS = sorted({path.parent for path in SOURCES if path.parent.parent == ROOT / "core" / "ui"})

LINES_A_FILE, LINES_A_PAGE, LINES_A_FUNCTION, PARAMETERS = 350, 150, 40, 5
LINES_OF_WIDGETS = 60  # a function of core/ui that only shows widgets, one below the other
FILES_A_ROOM, LINES_A_ROOM = 12, 1_800

LONG_FUNCTIONS_LEFT = 0
MANY_PARAMETERS_LEFT = 22
FULL_ROOMS_LEFT = 0
FILES_WITH_STRATEGIES_LEFT = 1
LINES_LEFT = 60_393
FILES_LEFT = 361


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(read(path))


def count_lines(path: Path) -> int:
    return len(read(path).splitlines())


def list_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield where each function of the program is, and the function."""
    for path in SOURCES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name(path)}:{node.lineno} {node.name}", node


def count_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a function has without its decorators and its docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= function.body[0].end_lineno - function.body[0].lineno + 1
    return lines


def count_parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in ("self", "cls")])


def test_files_stay_readable() -> None:
    limits = {path: LINES_A_PAGE if path in PAGES else LINES_A_FILE for path in SOURCES}
    assert not [name(path) for path, limit in limits.items() if count_lines(path) > limit]


def test_each_module_says_what_it_is_for() -> None:
    modules = [path for path in SOURCES if path.name != "__init__.py"]
    assert not [name(path) for path in modules if not ast.get_docstring(parse(path))]


def limit_lines(place: str) -> int:
    """Return how many lines the function at a place may have, as list_functions yields it."""
    path, function = place.split()
    shows = path.startswith("core/ui/") and function.lstrip("_").startswith("show_")
    return LINES_OF_WIDGETS if shows else LINES_A_FUNCTION


def test_functions_stay_readable() -> None:
    long = [
        place for place, function in list_functions() if count_code(function) > limit_lines(place)
    ]
    assert len(long) <= LONG_FUNCTIONS_LEFT, long


def test_few_functions_take_many_parameters() -> None:
    many = [
        place for place, function in list_functions() if count_parameters(function) > PARAMETERS
    ]
    assert len(many) <= MANY_PARAMETERS_LEFT, many


def test_no_imports_go_in_a_circle() -> None:
    """Imports inside functions and for types count, too."""
    modules = {name(path).removesuffix(".py").replace("/", "."): path for path in SOURCES}
    modules = {module.removesuffix(".__init__"): path for module, path in modules.items()}
    graph = dict[str, set[str]]()
    for module, path in modules.items():
        nodes = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom)]
        found = [
            (str(node.module), f"{node.module}.{one.name}") for node in nodes for one in node.names
        ]
        graph[module] = {whole if whole in modules else package for package, whole in found}
        graph[module] &= modules.keys() - {module}
    TopologicalSorter(graph).prepare()  # a CycleError names the modules


def test_a_page_is_a_direct_script() -> None:
    unwanted = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While)
    assert not [
        f"{name(path)}:{node.lineno}"
        for path in PAGES
        for node in ast.walk(parse(path))
        if isinstance(node, unwanted)
    ]


def test_a_page_imports_its_room_alone() -> None:
    """pages/ is no package, so that the contracts of imports do not see it."""
    for path in PAGES:
        imported = [
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(parse(path))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        ours = [module for module in imported if module.split(".")[0] in ("core", "data", "models")]
        assert not [module for module in ours if not module.startswith("core.ui.")], name(path)


def test_rooms_stay_small() -> None:
    full = []
    for room in ROOMS:
        files = [path for path in SOURCES if room in path.parents and path.name != "__init__.py"]
        lines = sum(count_lines(path) for path in files)
        if len(files) > FILES_A_ROOM or lines > LINES_A_ROOM:
            full.append(f"{name(room)}: {len(files)} files, {lines:,} lines")
    assert len(full) <= FULL_ROOMS_LEFT, full
    assert len(list((ROOT / "core" / "ui").glob("*.py"))) <= 2


def test_a_strategy_is_described_once() -> None:
    naming = [name(path) for path in SOURCES if "two_phases" in read(path)]
    assert len(naming) <= FILES_WITH_STRATEGIES_LEFT, naming


def test_the_program_does_not_grow() -> None:
    """Lower the limits with whatever goes; they never rise."""
    assert sum(count_lines(path) for path in SOURCES) <= LINES_LEFT
    assert len(SOURCES) <= FILES_LEFT


def test_every_package_has_its_floor() -> None:
    """What no contract names, none would hold; rooms are named or the contract is broken."""
    contracts = tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [layer for contract in contracts for layer in contract.get("layers", ())]
    named = {module for layer in layers for module in re.split(r"[|:]", layer.replace(" ", ""))}
    rooms = {f"core.exact.{path.stem}" for path in (ROOT / "core" / "exact").glob("[!_]*.py")}
    if rooms <= named:  # this room is on two floors: each of its modules has one
        named |= {"core.exact"}
    there = {
        f"core.{path.stem}"
        for path in (ROOT / "core").iterdir()
        if path.suffix == ".py" or any(path.rglob("*.py"))
    }
    assert not there - named - {"core.__init__"}


def test_no_page_loads_keras_or_tensorflow(trained_workspace: Workspace) -> None:
    """All pages in one fresh process; the first one that loads what it must not is named."""
    script = (
        "import sys\n"
        "import core.prediction.predictor\n"
        "from streamlit.testing.v1 import AppTest\n"
        "for page in sys.argv[1:]:\n"
        "    assert not AppTest.from_file(page, default_timeout=60).run().exception, page\n"
        "    loaded = {'keras', 'tf_keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)\n"
        "    assert not loaded, f'{page} loads {loaded}'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, PAGES)],
        cwd=ROOT,
        env=os.environ | {"PETALSCOPE_WORKSPACE": str(trained_workspace.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
