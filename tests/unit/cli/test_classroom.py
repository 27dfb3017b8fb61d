"""A class: the pages that are named and no others, from one server and from two behind a proxy."""

import asyncio
import os
import shutil
import signal
import urllib.request
from collections import Counter

import psutil
import pytest
from websockets.asyncio.client import connect

from core.classroom import Lead, lead, make_desk_key, make_token, read_class, sign_in
from core.errors import SettingRefused
from core.exact.dials import prepare_dials
from core.exact.store import find_judged_source
from core.ui.parts.frame import list_served
from core.ui.visitor.visitor import COOKIE
from core.workspace import PROJECT_ROOT, Workspace
from data.manifest import list_datasets, read_dataset
from tests.bench.classroom import Student, open_class
from tests.processes import wait_until


@pytest.mark.parametrize(
    ("named", "served"), [("predict, lesson", ["lesson", "predict"]), ("", [])]
)
def test_pages_are_served_as_named(
    named: str, served: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETALSCOPE_PAGES", named)
    every = {path.stem for path in (PROJECT_ROOT / "pages").glob("*.py")}
    assert list_served() == served or set(list_served()) == every


def test_a_page_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_PAGES", "lesson,lessons")
    with pytest.raises(SettingRefused, match="“lessons”"):
        list_served()


async def look(address: str, *pages: str, query: str = "", token: str = "") -> Student:
    """Return what a session sees that asks for these pages, one after the other."""
    stream_at = address.replace("http", "ws") + "/_stcore/stream"
    headers = {"Cookie": f"{COOKIE}={token}"}
    async with connect(stream_at, max_size=None, additional_headers=headers) as stream:
        student = Student(stream, query)
        for page in pages:
            student.headings.clear()
            student.buttons.clear()
            await student.open(page)
        return student


def ask_first_page(address: str) -> str:
    """Return the cookie of a browser that was never here."""
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.headers.get("set-cookie", "")).split(";")[0]


@pytest.mark.slow
@pytest.mark.parametrize("servers", [1, 2])
def test_a_class_has_its_pages_and_no_others(trained_copy: Workspace, servers: int) -> None:
    if servers > 1 and not shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("HAProxy is not installed")
    dataset = read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    prepare_dials(trained_copy, find_judged_source(trained_copy, dataset), lambda *_: None)
    with open_class(trained_copy, servers) as (address, _):
        class_id = next(trained_copy.classes.iterdir()).name
        code = read_class(trained_copy, class_id).code
        mia = sign_in(trained_copy, class_id, code, "Mia")
        token = make_token(trained_copy, class_id, mia)
        for page in ("desk", "dataset", "training", "registry", "runs", "overview", ""):
            for way in ((page,), (page, page), ("lesson", page)):  # also asked for once more
                seen = asyncio.run(look(address, *way, token=token))
                assert set(seen.headings) == {"Lesson"}, way
            for stranger in ("", token[:-1], make_desk_key(trained_copy, "0123456789abcdef")):
                seen = asyncio.run(look(address, page, token=stranger))
                assert set(seen.headings) == {"Join the class"}
        assert "Predict" in asyncio.run(look(address, "predict", token=token)).headings
        lead(trained_copy, class_id, Lead(step="7", frozen=True))
        assert set(asyncio.run(look(address, "predict", token=token)).headings) == {"Lesson"}
        lead(trained_copy, class_id, Lead())
        desk = make_desk_key(trained_copy, class_id)
        assert "Class" in asyncio.run(look(address, "desk", query=f"desk={desk}")).headings
        offered = asyncio.run(look(address, "lesson", query="step=3", token=token)).buttons
        assert "Next step" in offered
        assert not [label for label in offered if label.startswith(("Last stage", "Full fine"))]
        given = Counter(ask_first_page(address) for _ in range(4))
        assert len(given) == servers and set(given.values()) == {4 // servers}
        found = [one for one in psutil.process_iter() if is_of(one, trained_copy)]
        os.kill(next(one.pid for one in found if "class" in one.cmdline()), signal.SIGTERM)
        wait_until(lambda: not any(is_of(one, trained_copy) for one in found), "all servers ended")


def is_of(process: psutil.Process, workspace: Workspace) -> bool:
    """Return whether a process is a server of the class, its proxy, or what started them."""
    try:
        ours = process.environ().get("PETALSCOPE_WORKSPACE") == str(workspace.root)
        command = process.cmdline()
        return ours and bool({"class", "streamlit", "-f"} & set(command)) and process.is_running()
    except psutil.Error:
        return False
