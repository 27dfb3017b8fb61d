"""How a program asks the API: whether it runs here, and code to copy for curl, Python, JavaScript.

The address is that of the settings; the code was run as it stands (tests/api/test_snippets.py).
"""

import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple

import streamlit as st

from core.config import read_settings
from core.formats import plain
from core.installed import COMMAND

_TIMEOUT_S = 1.0
_ANYWHERE = ("0.0.0.0", "::", "")


class Snippet(NamedTuple):
    """Code for one language."""

    label: str
    language: str
    code: str


def show_snippets() -> None:
    """Draw the state of the API and the code that asks it."""
    settings = read_settings()
    host = "127.0.0.1" if settings.api_host in _ANYWHERE else settings.api_host
    has_tls = settings.api_tls_certificate is not None
    protocol, bare = "https" if has_tls else "http", f"[{host}]" if ":" in host else host
    address = f"{protocol}://{bare}:{settings.api_port}"
    st.subheader("Ask from a program", anchor=False)
    _show_state(_look(host, settings.api_port, has_tls=has_tls), address)
    snippets = write_snippets(address, with_key=settings.api_key is not None)
    for tab, snippet in zip(st.tabs([one.label for one in snippets]), snippets, strict=True):
        with tab:
            st.code(snippet.code, language=snippet.language)
    st.caption(
        f"One photo: JPEG, PNG, WEBP, HEIC, AVIF or BMP, up to {settings.api_photo_limit_mb} MB "
        f"and {settings.photo_limit_megapixels} megapixels; up to 64 at once with "
        "`/v1/predict/batch`. The answer names the version that gave it; `unknown` is true where "
        "the model does not know. 503 and 429 say in `Retry-After` when to come again. All of it "
        "stands in `/openapi.json`."
        + f" In place of {plain(host)}, write the name that the certificate is for."
        * has_tls
    )


def write_snippets(address: str, *, with_key: bool) -> list[Snippet]:
    """Return code that asks about tulip.jpg and says what it really is; the key is read from
    PETALSCOPE_API_KEY."""
    return [
        Snippet("curl", "bash", _write_curl(address, with_key)),
        Snippet("Python", "python", _write_python(address, with_key)),
        Snippet("JavaScript", "javascript", _write_javascript(address, with_key)),
    ]


@st.cache_data(ttl=5, show_spinner=False)
def _look(host: str, port: int, *, has_tls: bool) -> dict[str, Any] | None:
    """Return what the API says of itself; None where nothing of ours answers."""
    connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    if has_tls:
        context = ssl.create_default_context()
        context.check_hostname = False  # asked by its address, which no certificate names
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.request("GET", "/health/ready")
        document = json.loads(connection.getresponse().read(10_000))
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return document if isinstance(document, dict) and "status" in document else None


def _show_state(ready: dict[str, Any] | None, address: str) -> None:
    if ready is None:
        st.info(
            f"No API answers at `{address}` now. Start it with `make api`, or "
            f"`{COMMAND} serve`: it serves the champion, in a process of its own.",
            icon=":material/power_off:",
        )
    elif ready["status"] == "ready":
        st.success(
            f"**{ready['version']}** answers at `{address}`.", icon=":material/check_circle:"
        )
    else:
        said = f"{ready.get('problem', '')} {ready.get('remedy', '')}"
        now = f"{ready['version']} answers instead. " if ready.get("version") else ""
        st.warning(f"{now}{plain(said)}", icon=":material/warning:")


def _write_curl(address: str, with_key: bool) -> str:
    key = '-H "Authorization: Bearer $PETALSCOPE_API_KEY" ' if with_key else ""
    return f"""# one photo
curl -s {key}-F photo=@tulip.jpg {address}/v1/predict

# up to 64 photos
curl -s {key}-F photos=@tulip.jpg -F photos=@rose.jpg {address}/v1/predict/batch

# what it really is (prediction_id as in the answer)
curl -s {key}-H "Content-Type: application/json" \\
  -d '{{"prediction_id": "…", "class_name": "rose"}}' {address}/v1/feedback
"""


def _write_python(address: str, with_key: bool) -> str:
    key = ', "Authorization": f"Bearer {os.environ[\'PETALSCOPE_API_KEY\']}"' if with_key else ""
    return f"""import json{", os" if with_key else ""}
from pathlib import Path
from urllib.request import Request, urlopen


def ask(path, body, kind):
    headers = {{"Content-Type": kind{key}}}
    with urlopen(Request("{address}" + path, body, headers), timeout=30) as answer:
        return json.load(answer)


answer = ask("/v1/predict", Path("tulip.jpg").read_bytes(), "image/jpeg")
print(answer["text"], answer["model"]["version"])

said = {{"prediction_id": answer["prediction_id"], "class_name": "rose"}}
print(ask("/v1/feedback", json.dumps(said).encode(), "application/json")["state"])
"""


def _write_javascript(address: str, with_key: bool) -> str:
    key = ", Authorization: `Bearer ${process.env.PETALSCOPE_API_KEY}`" if with_key else ""
    return f"""import {{ readFile }} from "node:fs/promises";

async function ask(path, body, kind) {{
  const headers = {{ "Content-Type": kind{key} }};
  const answer = await fetch("{address}" + path, {{ method: "POST", body, headers }});
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error.problem + " " + document.error.remedy);
  return document;
}}

const answer = await ask("/v1/predict", await readFile("tulip.jpg"), "image/jpeg");
console.log(answer.text, answer.model.version);

const said = {{ prediction_id: answer.prediction_id, class_name: "rose" }};
console.log((await ask("/v1/feedback", JSON.stringify(said), "application/json")).state);
"""
