"""The tab Review, retraining: the challenger, its proof, and the button for the next."""

import pytest
from streamlit.testing.v1 import AppTest

from core.monitoring.comparison import find_comparison
from core.monitoring.retraining import read_state, start_retraining
from core.registry.events import list_events
from core.registry.registering import register_run
from core.registry.store import read_aliases
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos
from tests.ui.driver import open_page, press, text_of


@pytest.fixture(autouse=True)
def _no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.ui.monitoring.retraining.ensure_scheduler", lambda _: None)
    monkeypatch.setattr("core.ui.parts.cache.wake_scheduler", lambda _: None)


def open_review() -> AppTest:
    return open_page("monitoring", tab="review")


def test_without_a_champion_it_leads_to_the_models(trained_copy: Workspace) -> None:
    version = register_run(trained_copy, list_runs(trained_copy)[-1].id)
    review_photos(trained_copy, version, draw_new_photos(1))
    assert "Register a finished run and promote it first" in text_of(open_review())


def test_without_anything_new_nothing_can_be_begun(trained_copy: Workspace) -> None:
    let_first_run_answer(trained_copy)
    app = open_review()
    assert "No challenger for v1" in text_of(app)
    assert "Review some first" in text_of(app)
    assert next(one for one in app.button if one.label == "Retrain now").disabled


def test_reviewed_photos_are_learnt_from_with_one_click(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    app = open_review()
    assert [one.value for one in app.metric if one.label == "New reviewed photos"] == ["3"]
    assert "three flowers + 3 photos" in next(
        one.options for one in app.selectbox if one.label == "Train on"
    )
    press(app, "Retrain now")
    going = read_state(trained_copy).going
    assert going is not None and going.run is not None
    assert "Retrained from v1" in text_of(app)
    assert "Retrain now" not in [one.label for one in app.button]


def test_what_another_began_is_told_not_begun_twice(trained_copy: Workspace) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    app = open_review()
    start_retraining(trained_copy, who="somebody else")
    press(app, "Retrain now")
    assert [event.kind for event in list_events(trained_copy)].count("retraining") == 1
    assert "is being trained already" in text_of(app) or "somebody else" in text_of(app)


def test_the_card_says_what_the_comparison_proves(challenged: Workspace) -> None:
    text = text_of(open_review())
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None
    evidence = comparison.evidence
    assert "v2 challenges v1" in text and "95 % interval" in text
    assert f"{evidence.gained} gained, {evidence.lost} lost" in text


def test_the_champion_is_kept_with_a_reason(challenged: Workspace) -> None:
    app = open_review()
    app.text_area[0].set_value("no real gain")
    press(app, "Keep v1")
    assert read_aliases(challenged) == {"champion": 1}
    event = list_events(challenged)[0]
    assert (event.version, event.former, event.reason) == (None, 2, "no real gain")
    assert "No challenger for v1" in text_of(app)
