"""The API for tests: in this process for most, in a process of its own where that is the point."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from core.registry.promoting import promote
from core.runs.database import close_databases
from core.serving.api import create_app
from core.workspace import Workspace, open_workspace
from tests.builders import draw_photo, encode_photo
from tests.processes import wait_until
from tests.registered import register_versions
from tests.serving_process import ServingProcess, run_serving
from tests.training import copy_workspace

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette prefers httpx2; both do here
    from starlette.testclient import TestClient

PHOTO = encode_photo(draw_photo(0, 3), quality=90)
JPEG = {"Content-Type": "image/jpeg"}
BASE = "http://127.0.0.1:8000"


@contextmanager
def open_client(*, wait: bool = True, **options: Any) -> Iterator[TestClient]:
    """Yield a client of a new application, which serves by then (without `wait`: perhaps not)."""
    app = create_app()
    with TestClient(app, base_url=BASE, client=("127.0.0.1", 50_000), **options) as client:
        if wait:
            wait_until(lambda: app.state.service.switcher.state.model, "a version serves")
        yield client


@pytest.fixture
def registered(trained_copy: Workspace) -> Workspace:
    """A workspace with v1 (the champion) and v2, which differ in their thresholds."""
    first, _ = register_versions(trained_copy, 2)
    promote(trained_copy, first.number, reason="the first one")
    return trained_copy


@pytest.fixture(scope="session")
def served_workspace(
    trained_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """The same for the whole session: do not change it, but by asking."""
    root = tmp_path_factory.mktemp("served") / "workspace"
    copy_workspace(trained_workspace, Workspace(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(root))
        workspace = open_workspace()
        first, _ = register_versions(workspace, 2)
        promote(workspace, first.number, reason="the first one")
    yield workspace
    close_databases()


@pytest.fixture(scope="package")
def client(served_workspace: Workspace) -> Iterator[TestClient]:
    """A client of an application that serves v1.

    It ends with these tests: its thread reads the settings again and again, and would open the
    databases of others.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(served_workspace.root))
        with open_client(raise_server_exceptions=False) as opened:
            yield opened


@pytest.fixture(scope="package")
def serving(served_workspace: Workspace) -> Iterator[ServingProcess]:
    """A real API in a process of its own that serves v1."""
    with run_serving(served_workspace) as process:
        yield process


def classify(
    client: TestClient, content: bytes = PHOTO, headers: dict[str, str] = JPEG
) -> httpx.Response:
    return client.post("/v1/predict", content=content, headers=headers)


def check_problem(answer: object, status: int, code: str) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "problem", "remedy", "request_id"}
    assert document["error"]["code"] == code
    assert document["error"]["request_id"] == answer.headers["x-request-id"]
    return document["error"]
