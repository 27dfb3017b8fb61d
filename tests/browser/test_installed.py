"""The installed tool: the wheel in an environment of its own, beside a package called `core`."""

import csv
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from playwright.sync_api import Page, expect

from core.workspace import Workspace
from tests.builders import write_class_folders
from tests.prepared import lend_sample
from tests.processes import end_processes
from tests.serving_process import find_port

ROOT = Path(__file__).resolve().parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")

pytestmark = pytest.mark.slow


class Tool:
    """A `petalscope` that is called from an empty folder, by a person with a home of their own."""

    def __init__(self, command: Path, home: Path) -> None:
        home.mkdir()
        self.command, self.home = command, home
        self.workspace = Workspace(home / "data" / "petalscope")
        theirs = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = theirs | {
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "STREAMLIT_SERVER_PORT": str(find_port()),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it; both streams are one pipe."""
        return subprocess.Popen(
            [self.command, *arguments],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        """Return what a command printed; it has to end well."""
        process = self.start(*arguments)
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, printed
        return printed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    return next(folder.glob("petalscope-*.whl"))


@pytest.fixture(scope="module")
def tool(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """The wheel, installed; what it requires is that of the tests' own environment."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [*PIP, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    packages = next((folder / "venv").glob("lib/python*/site-packages"))
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "core").mkdir()
    (packages / "core" / "__init__.py").write_text("raise ImportError('a package of others')\n")
    installed = Tool(python.with_name("petalscope"), folder / "home")
    yield installed
    end_processes(installed.workspace)


def test_nothing_but_petalscope_gets_into_the_environment(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith("RECORD"))
        files = [row[0] for row in csv.reader(archive.read(record).decode().splitlines())]
    assert {file.split("/")[0] for file in files} == {"petalscope", record.split("/")[0]}
    assert not [file for file in files if "tests" in file or "__pycache__" in file]


def test_the_first_page_opens(tool: Tool, page: Page) -> None:
    server = tool.start()
    try:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        assert next((line for line in lines if "http://localhost" in line), None)
        page.goto(f"http://localhost:{tool.environment['STREAMLIT_SERVER_PORT']}")
        expect(page.get_by_role("heading", name="Start with photos")).to_be_visible()
        assert tool.workspace.datasets.is_dir()
    finally:
        server.kill()
        server.communicate()


def test_it_trains_on_the_sample(tool: Tool, tmp_path: Path) -> None:
    assert "Import one: petalscope import sample" in tool.run("datasets")
    write_class_folders(tmp_path / "sample", photos_per_class=10)
    tool.run("import", str(tmp_path / "sample"), "--name", "sample")
    printed = tool.run("train", "sample", "--weights", "random", "--epochs", "2")
    assert "Details: petalscope evaluate" in printed
    assert "usage: petalscope train" in tool.run("train", "--help")
    assert [run.name for run in tool.workspace.runs.iterdir()]
    assert not (tool.home / "workspace").exists()


def test_the_quickstart_notebook_runs(tool: Tool, prepared: Path, tmp_path: Path) -> None:
    lend_sample(prepared, Workspace(tmp_path / "quickstart"))
    notebook = nbformat.read(ROOT / "docs" / "quickstart.ipynb", 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        cell.pop("outputs", None)
    packages = next(tool.command.parents[1].glob("lib/python*/site-packages"))
    environment = {**tool.environment, "PYTHONPATH": str(packages)}
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}})
    try:
        client.execute(env=environment)
    finally:
        end_processes(Workspace(tmp_path / "quickstart"))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [cell.outputs[-1].data["text/plain"] for cell in code]
    assert shown[0].startswith("Flower sample: 499 photos in 5 classes")
    assert "validation accuracy" in shown[1]
    assert (tmp_path / "flowers.zip").exists()
