"""Charts draw every class, whatever its name; numbers are in the order of numbers."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import vl_convert

from core.charts.bars import (
    draw_class_changes,
    draw_split_counts,
    draw_top_scores,
)
from core.formats import sort_names
from core.ui.monitoring.charts import draw_classes
from core.ui.quality.charts import draw_class_sizes
from data.splits import SPLITS

ODD = ["__proto__", "constructor", "toString", "a:b", "x[0]", "a.b", "null", "rose"]
PLAIN = [f"kind {letter}" for letter in "abcdefgh"]


def _changes(names: list[str]) -> Any:
    facts = {"gained": 1, "lost": 2, "support": 9, "recall_a": 0.5, "recall_b": 0.6}
    return draw_class_changes(pd.DataFrame({"class": names, **facts}))


def _splits(names: list[str]) -> Any:
    rows = [(name, split, 5) for name in names for split in SPLITS]
    return draw_split_counts(pd.DataFrame(rows, columns=["class", "split", "photos"]))


def _monitored(names: list[str]) -> Any:
    shares = {"now": 0.1, "before": 0.1, "low": 0.05, "high": 0.2, "photos": 4}
    return draw_classes(pd.DataFrame({"class": names, **shares}), 40)


@pytest.mark.parametrize(
    "draw",
    [
        _changes,
        _splits,
        _monitored,
        lambda names: draw_top_scores(names, [0.1] * len(names)),
        lambda names: draw_class_sizes(pd.Series(5, index=names))[0],
    ],
)
def test_every_class_has_its_bars(draw: Callable[[list[str]], Any]) -> None:
    """Vega's own stack has no group for a name that each JavaScript object knows."""
    odd, plain = (vl_convert.vegalite_to_svg(draw(names).to_dict()) for names in (ODD, PLAIN))
    bars = [re.findall(r'<path aria-label="[^"]*" role', svg) for svg in (odd, plain)]
    assert len(bars[0]) == len(bars[1]) >= len(ODD)
    assert all(f"{name}<" in odd for name in ODD)
    # Drawn again at another size, Vega's axis loses this value.
    [rows, *_] = draw(ODD).to_dict()["datasets"].values()
    assert {row["row"].lstrip("\u200b") for row in rows} == set(ODD)
    assert "__proto__" not in {row["row"] for row in rows}


def test_the_splits_of_a_class_lie_side_by_side() -> None:
    rows = next(iter(_splits(["b", "a"]).to_dict()["datasets"].values()))
    spans = {(row["class"], row["split"]): (row["start"], row["end"]) for row in rows}
    assert spans["a", "train"] == (0, 5)
    assert spans["a", "validation"] == (5, 10)
    assert spans["b", "test"] == (10, 15)


def test_names_are_sorted_without_case_and_numbers_by_value() -> None:
    names = ["rose", "10", "Daisy", "2", "-1", "a", "A", "0.5", "n10", "N9", "Über", "1"]
    right = ["-1", "0.5", "1", "2", "10", "A", "a", "Daisy", "N9", "n10", "rose", "Über"]
    assert sort_names(names) == right
