"""The page Calibration: its views, a saved rule, and Predict with this rule."""

import numpy as np
import pytest

from core.__main__ import main
from core.prediction.deciding import DecisionRule, read_rule, save_rule
from core.runs.store import list_runs
from core.workspace import Workspace
from tests.builders import draw_photo, encode_photo
from tests.calibrating import VALIDATION, rewrite_result
from tests.ui.driver import open_page, press, text_of

pytestmark = pytest.mark.usefixtures("trained_copy")  # the settings point to it


def test_few_photos_choose_no_temperature() -> None:
    said = text_of(open_page("calibration"))
    assert "No temperature: fewer than" in said
    assert "validation and left-out training photos" in said
    assert "the intervals are wide" in said


def test_figures_have_an_interval_and_n(trained_copy: Workspace) -> None:
    rewrite_result(trained_copy)
    app = open_page("calibration", question="scores", bins="count")
    assert f"n = {VALIDATION}" in text_of(app)
    measures = next(table.value for table in app.dataframe if "Measure" in table.value)
    assert measures["Measure"].tolist()[2] == "Calibration error"
    assert measures.iloc[2, 1].endswith("]")


def test_the_answers_add_up_and_lead_to_their_photos(trained_copy: Workspace) -> None:
    _, result = rewrite_result(trained_copy)
    app = open_page("calibration", question="answers", threshold="90", photos="sent")
    photos = result.photo_numbers("validation")
    tops = result.scores[photos].max(axis=1)
    toggles = {toggle.label: toggle for toggle in app.toggle}
    toggles["Refuse photos unlike all training photos"].set_value(False).run()
    numbers = {metric.label: metric.value for metric in app.metric}
    assert int(numbers["Deferred"]) == (tops < 0.9).sum()
    right = result.scores[photos].argmax(axis=1) == result.labels[photos]
    assert int(numbers["Wrong"]) == ((tops >= 0.9) & ~right).sum()
    said = text_of(app)
    assert f"{(tops < 0.9).sum()} photos, the highest score first" in said
    assert "The rule was chosen on these photos" in said


def test_predict_uses_the_saved_rule(trained_copy: Workspace) -> None:
    run, _ = rewrite_result(trained_copy)
    app = open_page("calibration", threshold="100")
    assert "Default rule" in text_of(app)
    app = press(app, "Save rule")
    rule = read_rule(trained_copy, run)
    assert rule is not None
    assert (rule.threshold, rule.n) == (1.0, VALIDATION)
    assert rule.unlike_limit is not None
    assert "Saved (" in text_of(app)
    predict = open_page("predict", run=run)
    photo = encode_photo(draw_photo(0, 3), quality=90)
    predict.get("file_uploader")[0].upload("mine.jpg", photo, "image/jpeg").run()
    assert not predict.exception
    assert any(line.value.find("I don't know") >= 0 for line in predict.subheader)
    app = press(app, "Remove rule")
    assert read_rule(trained_copy, run) is None
    assert "Answers every photo" in text_of(app)
    predict.run()
    assert "Answers every photo" in text_of(predict)


def test_the_page_opens_with_the_saved_rule(trained_copy: Workspace) -> None:
    run, _ = rewrite_result(trained_copy)
    save_rule(trained_copy, run, DecisionRule(threshold=0.37, class_thresholds={"rose": 0.5}))
    app = open_page("calibration", question="answers")
    assert app.slider[0].value == 37
    assert "Not saved; another rule is saved" in text_of(app)


def test_a_stale_rule_is_not_used(trained_copy: Workspace) -> None:
    run = list_runs(trained_copy)[0].id
    save_rule(trained_copy, run, DecisionRule(threshold=0.4))
    rewrite_result(trained_copy)
    assert "The saved rule is not used" in text_of(open_page("calibration"))


def test_test_photos_stay_sealed(trained_copy: Workspace) -> None:
    rewrite_result(trained_copy)
    app = open_page("calibration", split="test", question="answers")
    assert "The test split is sealed" in text_of(app)
    assert not app.metric
    assert not app.slider
    app = press(app, "Open the test split")
    assert "Deferred" in [metric.label for metric in app.metric]
    assert "The rule was chosen on these photos" not in text_of(app)


def test_without_features_the_rest_of_the_page_works(trained_copy: Workspace) -> None:
    _, result = rewrite_result(trained_copy)
    trained_copy.features_file(result.features_id).unlink()
    app = open_page("calibration")
    assert "features of this run are missing or damaged" in text_of(app)
    assert app.slider


def test_page_and_command_line_say_the_same_of_a_rule(
    trained_copy: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run, result = rewrite_result(trained_copy)
    tops = np.sort(result.scores[result.photo_numbers("validation")].max(axis=1))
    threshold = float(tops[9]) - 1e-5  # no whole percent: the page rounded it up
    save_rule(trained_copy, run, DecisionRule(threshold=threshold, n=VALIDATION))
    app = open_page("calibration")
    assert main(["evaluate", run]) == 0
    (said,) = [one.value for one in app.caption if one.value.startswith("This model answers")]
    assert f"n = {VALIDATION - 9})" in said
    assert said in capsys.readouterr().out.replace("\n", " ")
    assert "Saved (" in text_of(app)
