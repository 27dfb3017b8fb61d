"""The panel of retraining on the review page: who challenges, what proves it, what is arranged."""

from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest
from streamlit.testing.v1 import AppTest

from core.monitoring.comparison import find_comparison
from core.monitoring.retraining import start_retraining
from core.monitoring.retraining_state import read_state
from core.registry.events import list_events, record_event
from core.registry.registering import register_run
from core.registry.store import find_version, read_aliases
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.registered import show_evidence
from tests.retraining import draw_new_photos, let_first_run_answer, review_photos
from tests.ui.driver import open_page, press, text_of

Open = Callable[[], AppTest]


@pytest.fixture
def open_review(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return a function that opens the review page; no scheduler is started."""
    monkeypatch.setattr("core.ui.review.retraining.ensure_scheduler", lambda _: None)
    monkeypatch.setattr("core.ui.parts.cache.wake_scheduler", lambda _: None)

    def run() -> AppTest:
        return open_page("review")

    yield run


def test_without_a_champion_it_leads_to_the_models(
    trained_copy: Workspace, open_review: Open
) -> None:
    version = register_run(trained_copy, list_runs(trained_copy)[-1].id)
    review_photos(trained_copy, version, draw_new_photos(1))
    text = text_of(open_review())
    assert "No model answers yet" in text
    assert "Retrain by itself" not in text


def test_without_anything_new_nothing_can_be_begun(
    trained_copy: Workspace, open_review: Open
) -> None:
    let_first_run_answer(trained_copy)
    app = open_review()
    assert "Nobody challenges v1" in text_of(app)
    assert "review some photos first" in text_of(app)
    assert next(one for one in app.button if one.label == "Retrain now").disabled


def test_reviewed_photos_are_learnt_from_with_one_click(
    trained_copy: Workspace, open_review: Open
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    app = open_review()
    assert [one.value for one in app.metric if "wait" in one.label] == ["3"]
    assert "three flowers + 3 photos" in next(
        one.options for one in app.selectbox if one.label == "Learn from"
    )
    press(app, "Retrain now")
    going = read_state(trained_copy).going
    assert going is not None and going.run is not None
    assert "Retrained from v1" in text_of(app)
    assert "Retrain now" not in [one.label for one in app.button]


def test_what_another_began_is_told_not_begun_twice(
    trained_copy: Workspace, open_review: Open
) -> None:
    champion = let_first_run_answer(trained_copy)
    review_photos(trained_copy, champion, draw_new_photos(3))
    app = open_review()
    start_retraining(trained_copy, who="somebody else")
    next(one for one in app.button if one.label == "Retrain now").click().run()
    assert not app.exception
    assert [event.kind for event in list_events(trained_copy)].count("retraining") == 1
    assert "is being trained already" in text_of(app) or "somebody else" in text_of(app)


def test_the_card_says_what_the_meeting_proves(challenged: Workspace, open_review: Open) -> None:
    app = open_review()
    comparison = find_comparison(challenged, 1, 2)
    assert comparison is not None
    text = text_of(app)
    assert "v2 challenges v1" in text
    assert f"n = {comparison.evidence.n}" in text and "95 % interval" in text
    labels = {one.label: one.value for one in app.metric}
    assert "v1, champion" in labels and "v2, challenger" in labels
    assert labels["Gained / lost"] == f"{comparison.evidence.gained} / {comparison.evidence.lost}"


def test_without_proof_it_takes_an_override_and_a_reason(
    challenged: Workspace, open_review: Open
) -> None:
    app = open_review()
    assert "Nothing proves a gain" in text_of(app)
    press(app, "Promote")
    assert "needs a reason" in text_of(app)
    app.text_area[0].set_value("it knows the new greenhouse")
    press(app, "Promote")
    assert "not better than v1" in text_of(app)
    assert read_aliases(challenged)["champion"] == 1
    next(one for one in app.checkbox if "without proof" in one.label).check()
    press(app, "Promote")
    assert read_aliases(challenged) == {"champion": 2}
    event = list_events(challenged)[0]
    assert (event.kind, event.reason) == ("promoted", "it knows the new greenhouse")
    assert event.facts["override"] is True and "evidence" in event.facts
    assert "Nobody challenges v2" in text_of(app)


def test_a_proven_gain_is_promoted_as_it_is(challenged: Workspace, open_review: Open) -> None:
    versions = [find_version(challenged, name) for name in ("champion", "challenger")]
    evidence = show_evidence(versions[0], versions[1])
    facts = {"evidence": asdict(evidence), "photos": "p", "per_class": []}
    record_event(challenged, "compared", version=2, former=1, facts=facts)
    app = open_review()
    assert "The challenger is better" in text_of(app)
    assert not [one for one in app.checkbox if "without proof" in one.label]
    press(app, "Promote")
    assert read_aliases(challenged) == {"champion": 2}
    event = list_events(challenged)[0]
    assert event.facts["override"] is False and "200 test photos" in event.reason


def test_the_champion_is_kept_with_a_reason(challenged: Workspace, open_review: Open) -> None:
    app = open_review()
    app.text_area[1].set_value("no real gain")
    press(app, "Keep v1")
    assert read_aliases(challenged) == {"champion": 1}
    event = list_events(challenged)[0]
    assert (event.version, event.former, event.reason) == (None, 2, "no real gain")
    assert "Nobody challenges v1" in text_of(app)


def test_a_challenger_that_was_never_compared_is_compared_on_demand(
    challenged: Workspace, open_review: Open
) -> None:
    from core.registry.promoting import promote, set_challenger

    promote(challenged, 2, reason="try it", override=True)
    set_challenger(challenged, 1)
    app = open_review()
    assert "They have not met" in text_of(app)
    press(app, "Compare on the test photos")
    assert find_comparison(challenged, 2, 1) is not None
    assert "v1 challenges v2" in text_of(app) and "95 % interval" in text_of(app)
