"""The charts of the augmentation page: marks, colours of right and wrong, the ruler."""

import pandas as pd
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.augmentation.page import FLIPPED, KEPT, draw_moves


@pytest.fixture
def moves() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "photo": ["rose #1", "rose #1", "tulip #2"],
            "draw": [1, 2, 1],
            "distance": [0.1, 0.4, 0.2],
            "state": [KEPT, FLIPPED, KEPT],
            "predicted": ["rose", "tulip", "tulip"],
            "score": [0.9, 0.5, 0.8],
        }
    )


@pytest.mark.parametrize(("dark", "palette"), [(False, LIGHT), (True, DARK)])
def test_flipped_answers_have_the_colour_of_wrong(
    dark: bool, palette: object, moves: pd.DataFrame
) -> None:
    chart = draw_moves(moves, same=0.15, other=0.3, title="1 of 3", dark=dark).to_dict()
    points = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "point")
    assert points["encoding"]["color"]["scale"] == {
        "domain": [KEPT, FLIPPED],
        "range": [palette.right, palette.wrong],  # type: ignore[attr-defined]
    }
    assert points["encoding"]["shape"]["scale"]["range"] == ["circle", "cross"]
    assert points["encoding"]["x"]["scale"]["domain"][1] > 0.4


def test_the_ruler_is_drawn_where_it_is_known(moves: pd.DataFrame) -> None:
    kinds = [
        [
            layer["mark"]["type"]
            for layer in draw_moves(moves, same=same, other=other, title="").to_dict()["layer"]
        ]
        for same, other in ((0.15, 0.3), (None, None))
    ]
    assert kinds == [["rule", "text", "text", "point"], ["point"]]


def test_a_ruler_beyond_the_draws_is_still_in_sight(moves: pd.DataFrame) -> None:
    chart = draw_moves(moves, same=0.15, other=0.9, title="").to_dict()
    assert all(layer["encoding"]["x"]["scale"]["domain"][1] > 0.9 for layer in chart["layer"])
