"""The charts of calibration, coverage and distance compile, and their words hold."""

import numpy as np
import pandas as pd
import pytest
import vl_convert

from core.charts.calibration import draw_reliability
from core.evaluation.calibration import bin_scores
from core.evaluation.coverage import thin_coverage, trace_coverage, trace_roc
from core.ui.calibration.charts import draw_coverage, draw_distances, draw_roc


def draw_scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    tops = rng.uniform(0.2, 1, n)
    return tops, rng.random(n) < tops - 0.1


def compile_chart(chart: object) -> str:
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))  # type: ignore[attr-defined]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("n", [1, 40, 400])
def test_reliability_says_what_the_scores_promise(n: int, dark: bool) -> None:
    tops, right = draw_scores(n)
    drawn = compile_chart(draw_reliability(bin_scores(tops, right), "As the run gives them", dark))
    digits = 0 if n < 200 else 1
    assert "As the run gives them" in drawn
    assert f"Says {100 * tops.mean():.{digits}f} % on average" in drawn
    assert f"is right in {100 * right.mean():.{digits}f} %" in drawn


def test_the_rule_is_marked_where_it_stands() -> None:
    curve = thin_coverage(trace_coverage(*draw_scores(300)))
    marked = draw_coverage(curve, (0.5, 0.9), "Validation photos, n = 300").to_dict()
    plain = draw_coverage(curve, None, "Validation photos, n = 300").to_dict()
    assert len(marked["layer"]) == len(plain["layer"]) + 2
    assert [{"coverage": 0.5, "accuracy": 0.9}] in list(marked["datasets"].values())
    assert "n = 300" in compile_chart(draw_coverage(curve, None, "Validation photos, n = 300"))


def test_all_photos_are_in_the_histograms_however_far() -> None:
    rng = np.random.default_rng(0)
    like, unlike = rng.normal(1, 0.1, 200), np.append(rng.normal(2, 0.3, 60), 1000.0)
    chart = draw_distances(like, unlike, 1.2, "validation photos").to_dict()
    rows = pd.DataFrame(max(chart["datasets"].values(), key=len))
    assert rows.groupby("photos")["n"].sum().to_dict() == {
        "validation photos": 200,
        "drawn, no flower": 61,
    }
    assert "limit 1.20" in compile_chart(draw_distances(like, unlike, 1.2, "validation photos"))


def test_the_roc_curve_starts_and_ends_in_its_corners() -> None:
    curve = trace_roc(np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0]))
    assert curve[["refused", "found"]].iloc[0].tolist() == [0, 0]
    assert curve[["refused", "found"]].iloc[-1].tolist() == [1, 1]
    drawn = compile_chart(draw_roc(curve, (0.0, 0.5), "Told apart in 83 of 100 pairs"))
    assert "Told apart in 83 of 100 pairs" in drawn
