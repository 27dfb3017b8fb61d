"""The augmentation of a recipe: a link changes it, other pages and looking around do not."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.policies import save_policy
from core.workspace import Workspace
from data.policy import PRESETS, AugmentationPolicy, Part
from tests.ui.driver import run

ROOT = Path(__file__).resolve().parents[3]
MINE = AugmentationPolicy(hue=Part(low=-9, high=9, probability=1))


@pytest.fixture
def app(trained_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The program with a policy "mine", before a page is opened; it starts no processes."""
    monkeypatch.setattr("core.ui.recipes.form.ensure_scheduler", lambda _: None)
    save_policy(trained_copy, "mine", MINE)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    app.session_state["training.weights"] = "random"
    return app


def open_page(app: AppTest, page: str, **query: str) -> AppTest:
    """Return the page as the navigation opens it: in this session, with an address of its own."""
    app.query_params.clear()
    for name, value in query.items():
        app.query_params[name] = value
    return run(app.switch_page(f"pages/{page}.py"))


def read_policy_of(app: AppTest, label: str) -> str:
    """Return what the list of policies with this label has chosen."""
    return str(next(box.value for box in app.selectbox if box.label == label))


def choose(app: AppTest, label: str, name: str) -> None:
    next(box for box in app.selectbox if box.label == label).set_value(name).run()
    assert not app.exception


def test_the_policy_of_a_recipe_outlasts_a_change_of_page(app: AppTest) -> None:
    open_page(app, "training", policy="mine")
    assert read_policy_of(app, "Augmentation") == "mine"
    open_page(app, "runs")
    open_page(app, "training")
    assert read_policy_of(app, "Augmentation") == "mine"
    choose(app, "Augmentation", "gentle")
    open_page(app, "runs")
    open_page(app, "training")
    assert read_policy_of(app, "Augmentation") == "gentle"


def test_looking_at_a_policy_leaves_the_recipe_alone(app: AppTest) -> None:
    open_page(app, "training", policy="mine")
    open_page(app, "augmentation", photos="0")
    choose(app, "Policy", "strong")
    assert read_policy_of(app, "Policy") == "strong"
    open_page(app, "training")
    assert read_policy_of(app, "Augmentation") == "mine"
    open_page(app, "training", policy="strong")  # Use in a recipe
    assert read_policy_of(app, "Augmentation") == "strong"


def test_the_address_says_what_a_run_filled_in(trained_copy: Workspace) -> None:
    save_policy(trained_copy, "mine", MINE)

    def script() -> None:
        import streamlit as st

        from core.ui.parts.messages import open_page
        from core.ui.recipes.settings import pick_policy

        with open_page("Training", "with a picker", "Pick a policy."):
            st.session_state["seen"] = pick_policy()

    app = AppTest.from_function(script, default_timeout=60)
    app.query_params["policy"] = "mine"
    app.run()
    assert not app.exception
    assert app.session_state["seen"] == MINE
    app.selectbox[0].set_value("strong").run()
    assert app.session_state["seen"] == PRESETS["strong"]
    assert app.query_params["policy"] in ("strong", ["strong"])
    app.session_state["training.policy"] = "gentle"  # as a duplicated run fills it in
    app.run()
    assert app.session_state["seen"] == PRESETS["gentle"]
    assert app.query_params["policy"] in ("gentle", ["gentle"])
