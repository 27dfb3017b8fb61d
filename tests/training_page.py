"""The training page as tests open it: on a copy of a workspace in which nothing is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.database import close_databases
from core.workspace import Workspace, open_workspace
from tests.processes import end_processes
from tests.training import copy_workspace
from tests.ui import driver


@contextmanager
def copied_without_scheduler(trained: Workspace, root: Path) -> Iterator[Workspace]:
    """Yield a copy of a workspace as that of the pages: what waits keeps waiting."""
    copy_workspace(trained, Workspace(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(root))
        for module in ("recipes.form", "parts.live_state"):
            patch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)
        patch.setattr("core.runs.queue.scheduled.start_missing_scheduler", lambda _: None)
        workspace = open_workspace()
        yield workspace
        end_processes(workspace)
        close_databases()


def open_page(workspace: Workspace, *, hidden: str | None = None, **query: str) -> AppTest:
    """Return the page as a link opens it, with random weights chosen.

    Args:
        hidden: The hidden layers as somebody typed them.
    """
    assert workspace.root.exists()
    typed = {} if hidden is None else {"training.hidden": hidden}
    return driver.open_page("training", {"training.weights": "random", **typed}, **query)


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def value(app: AppTest, setting: str) -> object:
    return app.session_state[f"training.{setting}"]
