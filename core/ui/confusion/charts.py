"""What each cell of a confusion matrix has more or less of than in another run, as a chart."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.matrix import lay_out
from core.charts.matrix_cells import MANY_ABOVE, Value, describe_changes


def list_changes(
    difference: np.ndarray,
    worth: np.ndarray,
    classes: Sequence[str],
    rows: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> pd.DataFrame:
    """Returns one line per cell, row by row: true, predicted, change, worth.

    Args:
        difference: (k, k) float, what `subtract_matrices` returns.
        worth: (k, k) float, what `judge_difference` returns.
        classes: Names of all k classes.
        rows: Class numbers of the rows wanted, in their order; default: all.
        columns: The same for the columns.
    """
    names = np.array(classes, dtype=object)
    rows = np.arange(len(names)) if rows is None else np.asarray(rows)
    columns = np.arange(len(names)) if columns is None else np.asarray(columns)
    cells = np.ix_(rows, columns)
    return pd.DataFrame(
        {
            "true": np.repeat(names[rows], len(columns)),
            "predicted": np.tile(names[columns], len(rows)),
            "change": difference[cells].ravel(),
            "worth": worth[cells].ravel(),
        }
    )


def draw_difference(
    cells: pd.DataFrame,
    classes: Sequence[str],
    title: str,
    value: Value = "count",
    hide_diagonal: bool = False,
    dark: bool = False,
    *,
    columns: Sequence[str] | None = None,
    subtitle: str = "",
) -> Any:
    """Returns the difference of two matrices as an Altair chart, in a scale centred on 0.

    Args:
        cells: What `list_changes` returns.
        classes: Names of the rows, in their order.
        title: What is to be seen.
        value: What was subtracted.
        hide_diagonal: Leave right answers uncoloured.
        dark: Whether the page is dark.
        columns: Names of the columns in their order; default: those of the rows.
        subtitle: A sentence more, such as the runs and the split.
    """
    columns = classes if columns is None else columns
    few = max(len(classes), len(columns)) <= MANY_ABOVE
    drawn = cells if few else cells[cells["change"].fillna(0.0) != 0]
    described, legends = describe_changes(drawn, value, hide_diagonal, dark)
    tooltip = [
        alt.Tooltip("true:N", title="true"),
        alt.Tooltip("predicted:N", title="predicted"),
        alt.Tooltip("text:N", title="change"),
    ]
    return lay_out(described, classes, columns, title, subtitle, tooltip, legends, dark)
