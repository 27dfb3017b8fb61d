"""What the grid is told: places by row and column, colours by number, and nothing empty."""

import json
from typing import Any

import numpy as np

from core.charts.matrix_cells import Look, describe_matrix
from core.ui.confusion.grid import pack_grid

CLASSES = ("daisy", "rose", "tulip")
MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def pack(rows: list[int], columns: list[int], *shown: Any) -> dict[str, Any]:
    look = Look(rows=np.array(rows), columns=np.array(columns))
    return pack_grid(describe_matrix(MATRIX, CLASSES, look), *shown)


def test_a_place_says_row_and_column_of_what_is_drawn() -> None:
    packed = pack([2, 1, 0], [1, 0])
    assert packed["rows"] == ["tulip", "rose", "daisy"]
    assert packed["row_numbers"] == [2, 1, 0] and packed["column_numbers"] == [1, 0]
    texts = {
        (packed["rows"][place // 2], packed["columns"][place % 2]): text
        for place, text in zip(packed["places"], packed["texts"], strict=True)
    }
    assert texts == {
        ("rose", "rose"): "3",
        ("rose", "daisy"): "1",
        ("daisy", "rose"): "2",
        ("daisy", "daisy"): "8",
    }


def test_colours_are_numbers_into_a_table_and_all_is_json() -> None:
    packed = json.loads(json.dumps(pack([0, 1, 2], [0, 1, 2], (1, None))))
    for names in ("fills", "inks"):
        assert all(packed["colours"][number].startswith("#") for number in packed[names])
    assert packed["chosen"] == {"true": 1, "predicted": None}
    assert [legend["high"] for legend in packed["legends"]] == ["2", "8"]
