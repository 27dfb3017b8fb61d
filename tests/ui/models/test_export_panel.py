"""The export panel: what it offers, and when it does not let a zip be made."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.registry.registering import register_run
from core.runs.store import list_runs
from core.workspace import Workspace


def show_panel() -> None:
    from core.registry.store import list_versions
    from core.ui.models.export import show_export_panel
    from core.ui.parts import cache

    versions = list_versions(cache.workspace())
    show_export_panel(versions[0] if versions else None)


@pytest.fixture
def panel() -> AppTest:
    return AppTest.from_function(show_panel, default_timeout=120)


def find_button(app: AppTest) -> bool:
    """Return whether a zip can be made."""
    (button,) = [button for button in app.button if button.label == "Make the zip"]
    return not button.disabled


@pytest.mark.usefixtures("workspace")
def test_without_a_run_it_says_so(panel: AppTest) -> None:
    panel.run()
    assert not panel.exception
    assert any("train a run first" in text.value for text in panel.markdown)
    assert not panel.button


def test_versions_and_runs_are_offered_the_given_one_first(
    panel: AppTest, trained_copy: Workspace
) -> None:
    run = list_runs(trained_copy)[-1]
    panel.run()
    (named,) = panel.selectbox[0].options
    assert named.startswith(f"Run {run.number} · ")
    assert named.endswith("% validation accuracy")
    version = register_run(trained_copy, run.id, name="petals")
    panel.run()
    assert panel.selectbox[0].value == version.label
    assert panel.selectbox[0].options[0] == "v1 · petals"
    assert len(panel.selectbox[0].options) == 2
    assert find_button(panel)


@pytest.mark.usefixtures("trained_copy")
def test_nothing_chosen_is_nothing_made(panel: AppTest) -> None:
    panel.run()
    panel.button_group[0].set_value([]).run()
    assert not panel.exception
    assert not find_button(panel)
    panel.button_group[0].set_value(["space"]).run()
    assert find_button(panel)
    assert any("About 95 MB" in text.value for text in panel.caption)


def test_a_failed_export_says_why(panel: AppTest, trained_copy: Workspace) -> None:
    from core.exporting.store import start_export
    from core.runs.jobs import read_job
    from tests.processes import wait_until

    run = list_runs(trained_copy)[-1]
    damaged = trained_copy.run_folder(run.id) / "head.npz"
    damaged.unlink()
    damaged.write_bytes(b"altered")
    identifier = start_export(trained_copy, run.id, ["onnx"])

    def has_ended() -> bool:
        status = read_job(trained_copy.export_folder(identifier))
        return status is not None and status.state != "running"

    wait_until(has_ended, "the export has failed")
    panel.query_params["export"] = identifier
    panel.run()
    assert "damaged" in panel.error[0].value
    assert Path(trained_copy.exports).is_dir()
