"""The confusion matrix as a chart: rows true, columns predicted, every name of 102 is drawn."""

import numpy as np
import pandas as pd
import pytest

from core.charts.matrix import draw_matrix
from core.charts.matrix_cells import Look, describe_matrix
from core.charts.theme import LIGHT

CLASSES = ("daisy", "rose", "<b>tulip</b>")
MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def draw(matrix: np.ndarray, classes: tuple[str, ...], **options: object) -> dict:
    everything = {"rows": np.arange(len(classes)), "columns": np.arange(len(classes))}
    look = Look(**{**everything, **options})  # type: ignore[arg-type]
    return draw_matrix(describe_matrix(matrix, classes, look)).to_dict()


def rows(chart: dict) -> pd.DataFrame:
    data = next(one for one in chart["datasets"].values() if "true" in one[0])
    return pd.DataFrame(data).set_index(["true", "predicted"])


def test_rows_are_true_and_columns_predicted() -> None:
    chart = draw(MATRIX, CLASSES)
    for layer in (chart["layer"][0], chart["layer"][-1]):
        assert layer["encoding"]["y"]["field"] == "true"
        assert layer["encoding"]["x"]["field"] == "predicted"
        for axis in ("x", "y"):
            assert layer["encoding"][axis]["scale"]["domain"] == list(CLASSES)
    cells = rows(chart)
    assert cells.loc[("daisy", "rose"), "text"] == "2"
    assert cells.loc[("rose", "daisy"), "text"] == "1"
    assert "3 of 14 photos" in chart["title"]["text"]
    assert "Rows: true class. Columns: predicted class." in chart["title"]["subtitle"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("count", ["8", "2", "·", "1", "3", "·", "·", "·", "·"]),
        ("row share", ["80 %", "20 %", "·", "25 %", "75 %", "·", "·", "·", "·"]),
        ("column share", ["89 %", "40 %", "·", "11 %", "60 %", "·", "·", "·", "·"]),
    ],
)
def test_cells_say_what_was_chosen(value: str, words: list[str]) -> None:
    assert rows(draw(MATRIX, CLASSES, value=value))["text"].tolist() == words


def test_errors_have_a_scale_of_their_own() -> None:
    chart = draw(MATRIX, CLASSES)
    cells = rows(chart)
    assert cells.loc[("daisy", "rose"), "fill"] == LIGHT.errors[-1]  # the most of the errors
    assert cells.loc[("daisy", "daisy"), "fill"] == LIGHT.hits[-1]  # the most of the hits
    legend = chart["layer"][1]["encoding"]["color"]
    assert legend["scale"]["domain"][-1] == 2
    assert legend["scale"]["range"][-1] == LIGHT.errors[-1]


def test_a_hidden_diagonal_has_no_colour() -> None:
    cells = rows(draw(MATRIX, CLASSES, hide_diagonal=True))
    assert len(cells) == 9
    assert cells.loc[("daisy", "daisy"), "text"] == ""
    assert cells.loc[("daisy", "daisy"), "fill"] == LIGHT.empty
    assert cells.loc[("daisy", "rose"), "text"] == "2"


def test_a_matrix_without_errors_draws() -> None:
    texts = rows(draw(np.diag([3, 2, 1]), CLASSES))["text"]
    assert sorted(texts) == ["1", "2", "3", *"······"]
    assert "0 of 0 photos" in draw(np.zeros((3, 3), int), CLASSES)["title"]["text"]


def test_a_part_has_rows_and_columns_of_its_own() -> None:
    look = Look(rows=np.array([1]), columns=np.array([0, 1]))
    chart = draw_matrix(describe_matrix(MATRIX, CLASSES, look), "Run 1.").to_dict()
    encoding = chart["layer"][0]["encoding"]
    assert encoding["y"]["scale"]["domain"] == ["rose"]
    assert encoding["x"]["scale"]["domain"] == ["daisy", "rose"]
    assert chart["title"]["text"].endswith("wrong, 1 in this part")
    assert chart["title"]["subtitle"][1] == "Run 1."
    assert chart["width"] == 2 * chart["height"]


@pytest.mark.parametrize("value", ["count", "row share", "column share"])
def test_of_102_classes_all_are_named_and_cells_with_photos_sent(value: str) -> None:
    rng = np.random.default_rng(0)
    classes = tuple(f"a flower with a rather long name, number {n:03d}" for n in range(102))
    matrix = rng.poisson(0.05, (102, 102)) + np.diag(rng.poisson(8, 102))
    chart = draw(matrix, classes, value=value)
    assert len(rows(chart)) == np.count_nonzero(matrix)
    for axis in ("x", "y"):
        encoding = chart["layer"][0]["encoding"][axis]
        assert encoding["scale"]["domain"] == list(classes)
        assert encoding["axis"]["labelOverlap"] is False
        assert encoding["axis"]["labelFontSize"] >= 10
    assert chart["height"] >= 102 * 11  # a line of that font for each name
    assert len(chart["layer"]) == 3  # cells and two legends, no numbers in cells of 12 px


@pytest.mark.parametrize(
    ("n_classes", "dark"), [(k, dark) for k in (1, 2, 12, 13, 40, 102) for dark in (0, 1)]
)
def test_any_number_of_classes_is_a_valid_chart(n_classes: int, dark: int) -> None:
    classes = tuple(f"class {number}" for number in range(n_classes))
    matrix = np.eye(n_classes, k=1, dtype=int) + 5 * np.eye(n_classes, dtype=int)
    chart = draw(matrix, classes, dark=bool(dark))  # Altair checks it against Vega-Lite's schema
    assert chart["height"] >= 9 * n_classes
