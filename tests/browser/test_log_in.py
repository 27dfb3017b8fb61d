"""People who log in: editors change the workspace, viewers read it, everybody else is refused."""

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

from core.runs.store import list_runs
from core.workspace import Workspace
from tests.browser.conftest import PageServer
from tests.browser.test_runs import tick
from tests.digests import digest_folder
from tests.processes import end_processes, wait_until
from tests.serving_process import find_port

pytestmark = pytest.mark.slow
EDITOR, VIEWER, STRANGER = "ada@example.org", "ben@example.com", "eve@example.net"


@dataclass
class Provider:
    """An OpenID provider that asks nothing: who logs in is whose e-mail it has."""

    address: str
    email: str = EDITOR
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
    server = PageServer(trained_copy, "--secrets.files", str(secrets))
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
    monkeypatch.setenv("PETALSCOPE_EDITORS", f"somebody@example.org, {EDITOR.upper()}")
    monkeypatch.setenv("PETALSCOPE_VIEWERS", "@example.com")
    server.start()
    yield server
    server.kill()
    end_processes(trained_copy)


def digest_workspace(workspace: Workspace) -> dict[str, str]:
    """Return the digests of all files but the log of the server, which the test keeps there."""
    files = digest_folder(workspace.root)
    return {name: digest for name, digest in files.items() if name != "server.log"}


def log_in(page: Page, provider: Provider, email: str, address: str) -> None:
    page.context.clear_cookies()
    provider.email = email
    page.goto(address)
    expect(page.get_by_text("Log in to open this workbench")).to_be_visible()
    assert page.get_by_test_id("stSidebarNavLink").count() == 0
    page.get_by_test_id("stMain").get_by_role("button", name="Log in").click()


def test_editors_change_viewers_read_and_others_are_refused(
    page: Page, provider: Provider, guarded: PageServer, trained_copy: Workspace
) -> None:
    address = f"{guarded.address}/runs"
    before = digest_workspace(trained_copy)
    log_in(page, provider, STRANGER, address)
    expect(page.get_by_text(f"{STRANGER} has no access to this workbench.")).to_be_visible()
    assert page.get_by_test_id("stSidebarNavLink").count() == 0
    log_in(page, provider, VIEWER, address)
    expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    page.goto(address)  # who has logged in arrives at the first page
    tick(page, 0, "1 run selected")
    expect(page.get_by_text("Read-only")).to_be_visible()
    expect(page.get_by_role("button", name="Compare")).to_be_visible()
    assert page.get_by_role("button", name=re.compile("Delete|Tags|Name and notes")).count() == 0
    assert digest_workspace(trained_copy) == before
    log_in(page, provider, EDITOR, address)
    expect(page.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    page.goto(address)
    tick(page, 0, "1 run selected")
    page.get_by_role("button", name=re.compile("Delete")).click()
    page.get_by_role("button", name=re.compile("1 run")).last.click()
    expect(page.get_by_text("1 run deleted.")).to_be_visible()
    assert list_runs(trained_copy) == []
