"""What the grid sends to the browser: names, the cells that are not empty, legends.

Cells are sent as columns of numbers and a table of colours, so that the 932 of 102 classes with
6,149 photos are some 60 kB. The browser draws and never formats a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.charts.matrix_cells import Legend
from core.charts.theme import choose_palette


@dataclass(frozen=True, kw_only=True)
class GridCells:
    """The coloured cells of a matrix and how they are arranged."""

    rows: np.ndarray
    """(r,) int, class numbers from top to bottom."""
    columns: np.ndarray
    """(c,) int, class numbers from left to right."""
    places: np.ndarray
    """(m,) int, which cells are sent: row place × number of columns + column place."""
    cells: pd.DataFrame
    """(m) lines with fill, ink, text and said (the cell in a sentence)."""
    legends: Sequence[Legend]


def pack_grid(
    grid: GridCells,
    classes: Sequence[str],
    *,
    label: str,
    empty: str,
    chosen: tuple[int | None, int | None],
    marked: int | None,
    dark: bool,
) -> dict[str, Any]:
    """Returns a grid as the browser reads it.

    Args:
        grid: The cells.
        classes: Names of all classes.
        label: What a screen reader says on entering the grid.
        empty: What is said of a cell that is not among those sent.
        chosen: True and predicted class number of the chosen cell, row or column.
        marked: Number of the class whose row and column are marked.
        dark: Whether the page is dark.
    """
    colours = choose_palette(dark)
    fills = sorted({*grid.cells["fill"], *grid.cells["ink"]})
    number = {colour: place for place, colour in enumerate(fills)}
    return {
        "rows": [classes[one] for one in grid.rows],
        "columns": [classes[one] for one in grid.columns],
        "row_numbers": grid.rows.tolist(),
        "column_numbers": grid.columns.tolist(),
        "colours": fills,
        "places": grid.places.tolist(),
        "fills": [number[colour] for colour in grid.cells["fill"]],
        "inks": [number[colour] for colour in grid.cells["ink"]],
        "texts": grid.cells["text"].tolist(),
        "said": grid.cells["said"].tolist(),
        "legends": [_pack_legend(legend) for legend in grid.legends],
        "label": label,
        "empty": empty,
        "chosen": {"true": chosen[0], "predicted": chosen[1]},
        "marked": marked,
        "ground": colours.empty,
        "paper": colours.paper,
        "ink": colours.ink,
        "line": colours.line,
        "accent": colours.accent,
    }


def _pack_legend(legend: Legend) -> dict[str, Any]:
    low, high = legend.words
    return {"title": legend.title, "colours": list(legend.colours), "low": low, "high": high}
