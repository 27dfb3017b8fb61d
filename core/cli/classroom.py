"""`class`: the lesson for a room, from a page server for each core behind one address.

HAProxy keeps a browser with its server. Only pages that are named are served (PETALSCOPE_PAGES), to
those who have joined with the code of the class. Workspace and scheduler are one for all.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

from core.classroom import Classroom, make_desk_key, open_class, read_class
from core.cli.choosing import DATASET_HELP, choose_dataset
from core.cli.command import command, flag, number, option
from core.cli.outcome import Outcome, ProgressLine
from core.closing import close_overdue
from core.errors import ExtraMissing, SignInRefused
from core.runs.queue.starting import python_command, python_environment
from core.workspace import PROJECT_ROOT, Workspace
from data.manifest import list_datasets

_PROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 12h
listen class
  bind {address}:{port}
  balance roundrobin
  cookie petalscope_server insert indirect nocache httponly
  option httpchk GET /_stcore/health
"""
_LOOK_EVERY_S = 0.5
_UPLOAD_MB = 64
LOG = "class.log"
"""In the workspace: what page servers print, also of their errors."""


@command(
    option(
        "--address", "to listen at; 0.0.0.0: for all who reach this machine", default="localhost"
    ),
    option("--port", "of the address", number(int, 1, 65535), default=8501),
    option(
        "--servers N",
        "page servers; more than one need HAProxy",
        number(int, 1, 64),
        default=os.cpu_count() or 1,
    ),
    option("--pages", "what is served", default="lesson,predict"),
    option(
        "--without",
        "what nobody can give; photos: for the review",
        nargs="+",
        choices=("camera", "uploads", "photos"),
        default=(),
    ),
    option(
        "--days N",
        "after which it closes by itself; 0: at its desk alone",
        number(int, 0, 366),
        default=30,
    ),
    option("--dataset", f"that the lesson is on: {DATASET_HELP}", default="latest"),
    option("--again ID", "a class that was open before"),
    flag("--no-names", "let everybody in who comes: no code, no names and no desk"),
)
def class_(workspace: Workspace, given: Namespace, progress: ProgressLine) -> Outcome:
    """Serve pages to a room until it is interrupted."""
    proxy, address = shutil.which("haproxy"), f"http://{given.address}:{given.port}"
    if given.servers > 1 and proxy is None:
        raise ExtraMissing(
            "HAProxy is not installed: several page servers need it.",
            "Install it (apt-get install haproxy, brew install haproxy), or say --servers 1.",
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    classroom = None if given.no_names else _open_class(workspace, given)
    environment = python_environment(workspace) | {
        "PETALSCOPE_PAGES": given.pages,
        "PETALSCOPE_CLASS_ID": classroom.id if classroom else "",
        "PETALSCOPE_WITHOUT": ",".join(given.without),
        "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(),  # servers trust each other's cookies
    }
    with ExitStack() as stack:
        if given.servers == 1:
            processes = [_start(stack, environment, given.address, given.port)]
        else:
            ports = [_find_port() for _ in range(given.servers)]
            processes = [_start(stack, environment, "127.0.0.1", port) for port in ports]
            file = workspace.temporary / f"class-{given.port}.cfg"
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"  server s{port} 127.0.0.1:{port} cookie s{port} check" for port in ports]
            file.write_text("\n".join([_PROXY.format_map(vars(given)), *lines, ""]))
            processes.append(_run(stack, environment, [str(proxy), "-f", str(file)]))
        progress.note(f"{given.pages} at {address}; Ctrl+C ends it")
        if classroom:
            key = make_desk_key(workspace, classroom.id)
            progress.note(f"code {classroom.code}; your desk: {address}/desk?desk={key}")
            progress.note(
                f"names and answers stay until you close the class at its desk; to open "
                f"it again: --again {classroom.id}"
            )
        while all(one.poll() is None for one in processes):
            close_overdue(workspace)
            time.sleep(_LOOK_EVERY_S)
    return Outcome(f"A server of {address} has ended: the class is closed.", {}, 1)


def _open_class(workspace: Workspace, given: Namespace) -> Classroom:
    """Return a new class, or the one that was open before.

    Raises:
        SignInRefused: There is none of that id, or it was closed.
    """
    if given.again is None:
        is_empty = given.dataset == "latest" and not list_datasets(workspace)
        dataset = "" if is_empty else choose_dataset(workspace, given.dataset)
        return open_class(workspace, given.days, dataset)
    classroom = read_class(workspace, given.again)
    if classroom.closed:
        raise SignInRefused("This class was closed.", "Leave out --again: a new one is opened.")
    return classroom


def _start(
    stack: ExitStack, environment: dict[str, str], address: str, port: int
) -> "subprocess.Popen[bytes]":
    """Return a page server, which ends with the stack."""
    app = str(PROJECT_ROOT / "streamlit_app.py")
    where = ["--server.address", address, "--server.port", str(port), "--server.headless", "true"]
    where += ["--server.maxUploadSize", str(_UPLOAD_MB)]  # it is in memory before anybody is asked
    return _run(stack, environment, python_command("streamlit", "run", app, *where))


def _run(
    stack: ExitStack, environment: dict[str, str], command: list[str]
) -> "subprocess.Popen[bytes]":
    """Return a process, which ends with the stack; what it prints goes to the log of the class."""
    log = stack.enter_context((Path(environment["PETALSCOPE_WORKSPACE"]) / LOG).open("ab"))
    process = stack.enter_context(
        subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    )
    stack.callback(process.terminate)
    return process


def _find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
