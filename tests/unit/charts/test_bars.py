"""Bars of classes, splits and scores: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
import vl_convert

from core.charts.bars import CLASS, PART, draw_class_bars, draw_split_counts, draw_top_scores
from core.charts.slices import draw_reliability
from core.charts.theme import DARK, LIGHT
from core.evaluation.calibration import bin_scores
from core.evaluation.coverage import thin_coverage, trace_coverage
from core.evaluation.metrics import evaluate_scores
from core.ui.calibration.answers import draw_coverage


def rows(chart: dict) -> pd.DataFrame:
    (data,) = chart["datasets"].values()
    return pd.DataFrame(data)


@pytest.fixture
def per_class() -> pd.DataFrame:
    """Recall 1/3, 1, undefined; the third class is there only as a name."""
    scores = np.eye(3)[[0, 1, 1, 1]]
    return evaluate_scores(scores, np.array([0, 0, 0, 1]), ["daisy", "rose", "tulip"]).per_class


def test_classes_stand_lowest_first_and_undefined_last(per_class: pd.DataFrame) -> None:
    chart = draw_class_bars(per_class, "recall").to_dict()
    drawn = rows(chart)
    assert drawn["class"].tolist() == ["daisy", "rose", "tulip"]
    assert drawn["value"].tolist() == ["33 %", "100 %", "–"]
    assert drawn["interval"].tolist()[0] == "2 % to 88 %"
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domain"] == ["daisy", "rose", "tulip"]


@pytest.mark.parametrize(
    ("metric", "n"), [("recall", [3, 1]), ("precision", [3, 1]), ("f1", [3, 1])]
)
def test_each_metric_carries_its_n_and_interval(
    per_class: pd.DataFrame, metric: str, n: list[int]
) -> None:
    chart = draw_class_bars(per_class, metric).to_dict()
    assert rows(chart)["n"].tolist()[:2] == n
    assert [layer["mark"]["type"] for layer in chart["layer"]] == ["bar", "rule", "text", "bar"]
    assert chart["layer"][1]["encoding"]["x2"]["field"] == f"{metric}_high"


def test_a_click_on_a_bar_names_its_class(per_class: pd.DataFrame) -> None:
    (chosen,) = draw_class_bars(per_class, "f1").to_dict()["params"]
    assert (chosen["name"], chosen["select"]["fields"]) == (CLASS, ["class"])


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


@pytest.mark.parametrize("dark", [False, True])
def test_102_classes_are_valid_charts(dark: bool) -> None:
    names = [f"a flower with a rather long name, number {number}" for number in range(102)]
    rng = np.random.default_rng(0)
    scores, labels = rng.dirichlet(np.ones(102), 500), rng.integers(0, 102, 500)
    table = evaluate_scores(scores, labels, names).per_class
    chart = draw_class_bars(table, "precision", dark).to_dict()
    assert chart["height"] >= 102 * 14
    assert len(rows(chart)) == 102


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
    labels = np.array([1, *range(1, 400)])
    table = evaluate_scores(np.eye(400), labels, names[:400]).per_class
    chart = draw_class_bars(table, "recall").to_dict()
    assert len(rows(chart)) == 300 and rows(chart)["recall"].iloc[0] < 1
    assert "the 300 lowest of 400 classes" in str(chart["title"])
    assert len(chart["title"]["text"]) <= 42  # more is cut in the narrow card


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
