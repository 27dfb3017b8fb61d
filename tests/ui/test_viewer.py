"""A viewer opens every page and presses every button: nothing of the workspace changes."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.edits.tray import add_edits
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.digests import digest_folder
from tests.ui.driver import PAGES, open_page

OPENED = [(page, {}) for page in PAGES]
OPENED += [("dataset", {"view": view}) for view in ("table", "map", "edits", "versions")]
OPENED += [("dataset", {"photo": "0"}), ("models", {"version": "v2"}), ("lesson", {"step": "3"})]


@pytest.fixture
def viewed(challenged: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace with runs, versions and edits in the tray, which this process may only read."""
    for summary in list_datasets(challenged):
        add_edits(challenged, read_dataset(challenged, summary.id), [0], "exclude")
    monkeypatch.setenv("PETALSCOPE_READ_ONLY", "true")
    before = digest_folder(challenged.root)
    yield challenged
    assert digest_folder(challenged.root) == before


def list_buttons(app: AppTest) -> list[str]:
    return [button.key or button.label for button in app.button if not button.disabled]


def press(app: AppTest, name: str) -> None:
    """Press a button, which must neither fail nor ask for what a viewer may not do."""
    next(one for one in app.button if name in (one.key, one.label)).click().run()
    assert not app.exception, (name, app.exception)
    assert not app.error, (name, [error.value for error in app.error])


@pytest.mark.parametrize(("page", "query"), OPENED)
@pytest.mark.usefixtures("viewed")
def test_a_viewer_changes_nothing(page: str, query: dict[str, str]) -> None:
    app = open_page(page, **query)
    assert not app.error, [error.value for error in app.error]
    assert "Read-only" in app.markdown[0].value
    for name in list_buttons(app):
        app = open_page(page, **query)
        before = list_buttons(app)
        press(app, name)
        for following in [one for one in list_buttons(app) if one not in before]:
            if following in list_buttons(app):
                press(app, following)
