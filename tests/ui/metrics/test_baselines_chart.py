"""The run beside its baselines: order, intervals, and a title that says what is to be seen."""

import pandas as pd
import pytest

from core.charts.theme import DARK, LIGHT
from core.ui.metrics.baselines_chart import draw_baselines

ROWS = pd.DataFrame(
    {
        "name": ["Run 1", "5 nearest by colour", "Largest class of train"],
        "accuracy": [0.8, 0.5, 0.2],
        "low": [0.75, 0.45, 0.15],
        "high": [0.85, 0.55, 0.25],
        "own": [True, False, False],
    }
)


@pytest.mark.parametrize(("dark", "colours"), [(False, LIGHT), (True, DARK)])
def test_the_run_stands_out(dark: bool, colours: object) -> None:
    chart = draw_baselines(ROWS, 120, dark).to_dict()
    (data,) = chart["datasets"].values()
    assert [row["name"] for row in data] == ROWS["name"].tolist()
    assert data[0]["interval"] == "75 % to 85 %"
    # Without a named order the browser would keep that of the run drawn before.
    assert chart["layer"][0]["encoding"]["y"]["scale"]["domain"] == ROWS["name"].tolist()
    colour = chart["layer"][0]["encoding"]["color"]
    assert colour["condition"] == {"test": "datum.own", "value": colours.accent}
    assert colour["value"] == colours.faint


def test_the_title_counts_what_was_beaten() -> None:
    assert "than every baseline" in draw_baselines(ROWS, 120).to_dict()["title"]["text"]
    beaten = ROWS.assign(accuracy=[0.4, 0.5, 0.2])
    assert "than 1 of 2 baselines" in draw_baselines(beaten, 120).to_dict()["title"]["text"]
