"""People with accounts: nobody is in without, and each may do what their role allows."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import uvicorn
from fastapi import FastAPI, Form
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Page, expect

from core.people import read_journal
from core.runs.store import list_runs, read_run
from core.workspace import Workspace
from tests.browser.conftest import PageServer
from tests.browser.test_runs import tick
from tests.processes import end_processes, wait_until
from tests.serving_process import find_port

pytestmark = pytest.mark.slow
OWNER, STUDENT = "owner@example.org", "student@example.org"


@dataclass
class Provider:
    """An OpenID provider that asks nothing: who logs in is whose e-mail it has."""

    address: str
    email: str = OWNER
    nonce: str = ""

    def serve(self) -> FastAPI:
        app, key = FastAPI(), RSAKey.generate_key(2048, {"kid": "test"})
        ends = {f"{end}_endpoint": f"{self.address}/{end}" for end in ("authorization", "token")}
        told = {"issuer": self.address, "jwks_uri": f"{self.address}/jwks", **ends}
        told |= {"id_token_signing_alg_values_supported": ["RS256"]}  # type: ignore[dict-item]
        app.get("/.well-known/openid-configuration")(lambda: told)
        app.get("/jwks")(lambda: {"keys": [key.as_dict(private=False)]})

        @app.get("/authorization")
        def authorize(redirect_uri: str, state: str, nonce: str = "") -> RedirectResponse:
            self.nonce = nonce
            return RedirectResponse(f"{redirect_uri}?{urlencode({'code': 'x', 'state': state})}")

        @app.post("/token")
        def give(code: str = Form()) -> dict[str, object]:
            assert code == "x"
            claims = {"iss": self.address, "aud": "petalscope", "sub": self.email}
            claims |= {"email": self.email, "nonce": self.nonce}
            times = {"iat": int(time.time()), "exp": int(time.time()) + 600}
            token = jwt.encode({"alg": "RS256", "kid": "test"}, {**claims, **times}, key)
            return {"access_token": "y", "token_type": "Bearer", "id_token": token}

        return app


@pytest.fixture
def provider() -> Iterator[Provider]:
    port = find_port()
    one = Provider(f"http://localhost:{port}")
    server = uvicorn.Server(uvicorn.Config(one.serve(), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, "the provider serves")
    yield one
    server.should_exit = True
    thread.join()


@pytest.fixture
def guarded(
    provider: Provider, trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PageServer]:
    """A page server whose people log in, over a dataset with a finished run."""
    secrets = trained_copy.root / "secrets.toml"
    server = PageServer(trained_copy.root, "--secrets.files", str(secrets))
    secrets.write_text(
        f"""[auth]
redirect_uri = "{server.address}/oauth2callback"
cookie_secret = "long enough for a test, and known to nobody"
client_id = "petalscope"
client_secret = "secret"
server_metadata_url = "{provider.address}/.well-known/openid-configuration"
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("PETALSCOPE_OWNERS", f"somebody@example.org, {OWNER.upper()}")
    server.start()
    yield server
    server.kill()
    end_processes(trained_copy)


def log_in(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_text("This workbench is for people")).to_be_visible()
    assert page.get_by_test_id("stSidebarNavLink").count() == 0
    page.get_by_test_id("stMain").get_by_role("button", name="Log in").click()
    expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    page.goto(address)  # who has logged in arrives at the first page


def try_to_delete(page: Page) -> None:
    """Delete the one run on the page Runs, as far as that is allowed."""
    tick(page, 0, "1 run selected")
    page.get_by_role("button", name=re.compile("Delete")).click()
    page.get_by_role("button", name="Move 1 run to the bin").click()


def test_who_logs_in_may_do_what_their_role_allows(
    page: Page, provider: Provider, guarded: PageServer, trained_copy: Workspace
) -> None:
    run = list_runs(trained_copy)[0]
    address = f"{guarded.address}/runs"
    provider.email = STUDENT
    log_in(page, address)
    try_to_delete(page)
    expect(page.get_by_text("This run is not yours to delete.")).to_be_visible()
    assert read_run(trained_copy, run.id) == run
    page.context.clear_cookies()
    provider.email = OWNER
    log_in(page, address)
    try_to_delete(page)
    expect(page.get_by_text("1 run deleted.")).to_be_visible()
    (*_, row), _ = read_journal(trained_copy.journal_file)
    assert (row["who"], row["did"], row["kind"], row["id"]) == (OWNER, "delete", "run", run.id)
