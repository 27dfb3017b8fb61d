"""The card “How many more photos?”: closed, measured by a job, then an answer, or why not."""

import numpy as np
import pytest

from core.charts.shares import draw_forecast, list_fan, list_points
from core.exact.curves import Curve, make_forecast
from core.exact.store import CURVE, find_judged_source, prepare_curve, prepare_head, read_forecast
from core.runs.jobs import read_job
from core.ui.metrics.more import say_more
from core.workspace import Workspace
from data.manifest import list_datasets, read_dataset
from tests.processes import wait_until
from tests.ui.driver import captions, open_page, run, text_of

SIZES = np.array([10, 15, 22, 33, 50, 75, 110, 160])
RISING = Curve(sizes=SIZES, values=np.tile(0.9 - 1.5 * SIZES**-0.6, (20, 1)), judged=90)
OPEN = {"metrics.part.more": True}


def test_the_answer_has_n_and_interval_or_a_reason() -> None:
    one = make_forecast(RISING)
    said = say_more(one, 50)
    assert said.startswith("**50 more photos: accuracy 83 % → 84 %** (95 % interval ")
    assert said.endswith("n = 90 validation photos)")
    few = make_forecast(Curve(sizes=SIZES[:2], values=RISING.values[:, :2], judged=90))
    assert say_more(few, 50) == "**No forecast** because there are too few training photos."
    words = dict.fromkeys(("picture", "control", "share"), "")
    drawn = [
        draw_forecast(list_points(found), list_fan(found), {}, words, dark).to_dict()["layer"]
        for found in (one, few)
        for dark in (False, True)
    ]
    assert [len(layers) for layers in drawn] == [5, 5, 3, 3]


def test_nothing_is_measured_before_the_card_is_opened(trained_copy: Workspace) -> None:
    source = find_judged_source(
        trained_copy, read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    )
    assert "more photos" not in text_of(open_page("metrics"))
    assert read_job(trained_copy.analysis_folder(source.identify(CURVE))) is None
    prepare_head(trained_copy, source)
    app = open_page("metrics", OPEN)
    assert "Measuring the learning curve" in app.get("progress")[0].proto.text
    wait_until(lambda: read_forecast(trained_copy, source), "the curve is measured")


@pytest.mark.parametrize("enough", [True, False])
def test_a_link_asks_and_a_curve_without_forecast_says_why(
    trained_copy: Workspace, enough: bool
) -> None:
    source = find_judged_source(
        trained_copy, read_dataset(trained_copy, list_datasets(trained_copy)[-1].id)
    )
    prepare_head(trained_copy, source)
    if enough:  # the photos of the tests are too easy
        arrays = {"sizes": RISING.sizes, "values": RISING.values}
        source.keep(trained_copy, CURVE, arrays=arrays, judged=RISING.judged)
    prepare_curve(trained_copy, source, lambda *_: None)
    found = read_forecast(trained_copy, source)
    assert found is not None
    app = open_page("metrics", more="30")  # the link opens the card
    words = text_of(app)
    assert "Computed with the exact head" in captions(app)
    if not enough:
        assert "**No forecast** because all validation photos are already correct." in words
        return
    assert "**30 more photos: accuracy" in words and "160 training photos today" in captions(app)
    app.number_input(key="metrics.more").set_value(40)
    assert "**40 more photos: accuracy" in text_of(run(app)) and app.query_params["more"] == "40"
    assert "**80 more photos" in text_of(open_page("metrics", OPEN))
