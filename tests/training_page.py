"""The training page as tests open it: on a copy of a workspace in which nothing is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.runs.database import close_databases
from core.workspace import Workspace, open_workspace
from tests.processes import end_processes
from tests.training import copy_workspace

PAGE = Path(__file__).resolve().parents[1] / "pages" / "training.py"


@contextmanager
def copied_without_scheduler(trained: Workspace, root: Path) -> Iterator[Workspace]:
    """Yields a copy of a workspace as that of the pages: what waits keeps waiting."""
    copy_workspace(trained, Workspace(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PETALSCOPE_WORKSPACE", str(root))
        for module in ("recipes.form", "training.live", "training.controls", "training.presenting"):
            patch.setattr(f"core.ui.{module}.ensure_scheduler", lambda _: None)
        workspace = open_workspace()
        workspace.speeds_file.unlink(missing_ok=True)
        st.cache_resource.clear()
        yield workspace
        end_processes(workspace)
        close_databases()
        st.cache_resource.clear()


def open_page(workspace: Workspace, *, hidden: str | None = None, **query: str) -> AppTest:
    """Returns the page as a link opens it, with random weights chosen.

    Args:
        hidden: The hidden layers as somebody typed them.
    """
    assert workspace.root.exists()
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state["training.weights"] = "random"
    if hidden is not None:
        app.session_state["training.hidden"] = hidden
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def value(app: AppTest, setting: str) -> object:
    return app.session_state[f"training.{setting}"]
