"""Bars of classes, splits and scores: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
import vl_convert

from core.charts.bars import PART, draw_split_counts, draw_top_scores
from core.charts.slices import draw_reliability
from core.charts.theme import DARK, LIGHT
from core.evaluation.calibration import bin_scores
from core.evaluation.coverage import thin_coverage, trace_coverage
from core.ui.calibration.answers import draw_coverage


def rows(chart: dict) -> pd.DataFrame:
    (data,) = chart["datasets"].values()
    return pd.DataFrame(data)


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_split_counts_are_stacked_in_order(dark: bool, colours: object) -> None:
    counts = pd.DataFrame(
        {
            "class": ["rose", "rose", "daisy", "daisy"],
            "split": ["test", "train", "train", "test"],
            "photos": [1, 2, 5, 4],
        }
    )
    chart = draw_split_counts(counts, dark=dark).to_dict()
    assert chart["encoding"]["y"]["scale"]["domain"] == ["daisy", "rose"]
    assert chart["encoding"]["color"]["scale"] == {
        "domain": ["train", "test"],
        "range": [colours.splits["train"], colours.splits["test"]],
    }
    stacked = rows(chart).set_index(["class", "split"])[["start", "end"]]
    assert stacked.loc[("daisy", "train")].tolist() == [0, 5]
    assert stacked.loc[("daisy", "test")].tolist() == [5, 9]
    assert chart["title"]["text"] == "Each class has 3 to 9 photos"


def test_top_scores_keep_their_order_and_only_the_first_is_the_answer() -> None:
    drawn = rows(draw_top_scores(["tulip", "daisy"], [0.996, 0.004]).to_dict())
    assert drawn["class"].tolist() == ["tulip", "daisy"]
    assert drawn["text"].tolist() == [">99 %", "<1 %"]
    assert drawn["answer"].tolist() == [True, False]


def test_a_part_of_the_counts_can_be_chosen_by_a_link() -> None:
    counts = pd.DataFrame({"class": ["rose"], "split": ["train"], "photos": [1]})
    (part,) = draw_split_counts(counts, ("rose", "train")).to_dict()["params"]
    assert part["name"] == PART
    assert part["value"] == [{"class": "rose", "split": "train"}]


def test_of_3000_classes_the_ends_are_drawn_and_this_is_said() -> None:
    names = [f"class {number:04d}" for number in range(3000)]
    counts = pd.DataFrame(
        {
            "class": np.repeat(names, 2),
            "split": ["train", "validation"] * 3000,
            "photos": np.repeat(np.arange(3000, 0, -1), 2),
        }
    )
    chart = draw_split_counts(counts).to_dict()
    assert len(rows(chart)) == 600  # Altair takes 5,000, a browser about 2,000 of such rows
    assert rows(chart)["class"].drop_duplicates().tolist() == names[:150] + names[-150:]
    assert "the 300 largest and smallest of 3,000 classes" in str(chart["title"])


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
