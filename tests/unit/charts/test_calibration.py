"""The charts of calibration, coverage and distance compile, and their words hold."""

import numpy as np
import pytest
import vl_convert

from core.charts.slices import draw_reliability
from core.evaluation.calibration import bin_scores
from core.evaluation.coverage import thin_coverage, trace_coverage
from core.ui.calibration.answers import draw_coverage


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
    assert f"Mean confidence {100 * tops.mean():.{digits}f} %" in drawn
    assert f"accuracy {100 * right.mean():.{digits}f} %" in drawn


def test_the_rule_is_marked_where_it_stands() -> None:
    curve = thin_coverage(trace_coverage(*draw_scores(300)))
    marked = draw_coverage(curve, (0.5, 0.9), "Validation photos, n = 300").to_dict()
    plain = draw_coverage(curve, None, "Validation photos, n = 300").to_dict()
    assert len(marked["layer"]) == len(plain["layer"]) + 2
    assert [{"coverage": 0.5, "accuracy": 0.9}] in list(marked["datasets"].values())
    assert "n = 300" in compile_chart(draw_coverage(curve, None, "Validation photos, n = 300"))
