"""The page of the models: empty, with versions, with a damaged champion; the history."""

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.registry.promoting import promote, set_challenger
from core.registry.registering import register_run
from core.registry.store import list_versions, read_aliases
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.registered import change_byte, change_row, register_versions, version_file
from tests.ui.driver import open_page, run, text_of


def history_of(app: AppTest) -> pd.DataFrame:
    (table,) = [one.value for one in app.dataframe if "Event" in one.value.columns]
    return table


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return run(app)


@pytest.mark.usefixtures("trained_copy")
def test_without_a_version_a_finished_run_can_be_registered() -> None:
    text = text_of(open_page("models"))
    assert "No version yet" in text
    assert "frozen copy of a finished run" in text


def test_the_standing_is_said_with_intervals(trained_copy: Workspace) -> None:
    register_versions(trained_copy, 3)
    text = text_of(open_page("models"))
    assert "No champion yet" in text
    promote(trained_copy, 1, reason="the *first*", who="Ada")
    set_challenger(trained_copy, 2)
    app = open_page("models", version="v3")
    text = text_of(app)
    judged = list_versions(trained_copy)[0].facts["validation"]
    assert "95 % interval" in text
    assert f"n = {judged['n']}" in text
    assert "Not compared with v1 yet." in text
    assert "“the \\*first\\*”" in text
    assert "v3 · threshold 2 %" in text
    assert [metric.label for metric in app.metric].count("Validation accuracy") == 3
    assert app.button(key="registry.rollback").disabled
    assert "v2 became the challenger" in history_of(app)["Event"].tolist()


def test_rollback_is_one_click(trained_copy: Workspace) -> None:
    register_versions(trained_copy, 2)
    promote(trained_copy, 1, reason="first")
    promote(trained_copy, 2, reason="second", override=True)
    app = press(open_page("models"), "registry.rollback")
    assert read_aliases(trained_copy) == {"champion": 1}
    history = history_of(app)
    assert history["Event"].iloc[0] == "Rolled back from v2: v1 answers again"
    assert history["Event"].iloc[-1] == "v1 was registered: threshold 0 %"
    assert history["Reason"].iloc[1] == "second"
    assert history["Proof"].iloc[1] == "Without proof of a gain."


def test_a_version_is_made_challenger_and_deleted(trained_copy: Workspace) -> None:
    register_versions(trained_copy, 3)
    app = open_page("models", version="v3")
    assert app.button(key="registry.challenge").disabled  # whom would it challenge?
    promote(trained_copy, 1, reason="first")
    press(open_page("models", version="v3"), "registry.challenge")
    assert read_aliases(trained_copy)["challenger"] == 3
    app = press(open_page("models", version="v2"), "registry.delete.2")
    assert [version.number for version in list_versions(trained_copy)] == [3, 1]
    assert "v2 was deleted: threshold 1 %" in history_of(app)["Event"].tolist()
    text = text_of(open_page("models", version="v2"))  # a link to what is gone
    assert "This link cannot be shown" in text


def test_a_damaged_champion_is_said_with_who_answers_instead(trained_copy: Workspace) -> None:
    first, second = register_versions(trained_copy, 2)
    promote(trained_copy, 1, reason="first")
    promote(trained_copy, 2, reason="second", override=True)
    change_row(trained_copy, second, "digest", "0" * 64)
    text = text_of(open_page("models"))
    assert "v2 is refused" in text
    assert "**v1**, the champion before it, answers instead" in text
    change_byte(version_file(trained_copy, first, "head"))
    text = text_of(open_page("models"))
    assert "the model is offline" in text


def test_a_run_is_registered_with_its_button(trained_copy: Workspace) -> None:
    def draw() -> None:
        import streamlit as st

        from core.runs.store import read_run
        from core.ui.parts import cache
        from core.ui.recipes.run_cards import show_register_button

        show_register_button(read_run(cache.workspace(), st.query_params["run"]))

    run = list_runs(trained_copy)[-1].id
    app = AppTest.from_function(draw, default_timeout=60)
    app.query_params["run"] = run
    app.run()
    app.button(key=f"register.{run}").click().run()  # leads to another page, not there in the test
    (version,) = list_versions(trained_copy)
    assert version.run_id == run


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "9", "curl -s -F photo=@tulip.jpg http://127.0.0.1:9/v1/predict"),
        ("HOST", "::1", "http://[::1]:8000/v1/predict"),
        ("KEY", "a-secret-of-this-test", '"Authorization: Bearer $PETALSCOPE_API_KEY"'),
    ],
)
def test_the_curl_line_follows_the_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    def draw() -> None:
        from core.ui.models.page import show_curl

        show_curl()

    monkeypatch.setenv(f"PETALSCOPE_API_{name}", value)
    app = AppTest.from_function(draw, default_timeout=60).run()
    assert not app.exception
    assert said in app.code[0].value
    assert "a-secret" not in app.code[0].value


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
