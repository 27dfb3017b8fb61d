"""Who answered when: a bar for each tenure, the newest version on top, few rows."""

from datetime import UTC, datetime, timedelta

import pytest

from core.registry.events import Tenure
from core.ui.registry.page import draw_tenures

START = datetime(2026, 11, 1, tzinfo=UTC)


def make_reigns(versions: list[int], days: float = 1) -> list[Tenure]:
    return [
        Tenure(
            version=version,
            start=START + timedelta(days=days * number),
            end=START + timedelta(days=days * (number + 1)),
            is_going=number == len(versions) - 1,
            reason="because",
        )
        for number, version in enumerate(versions)
    ]


def test_the_title_says_who_answers() -> None:
    chart = draw_tenures(make_reigns([1, 2, 1])).to_dict()
    assert chart["title"]["text"].startswith("v1 answers, since 2026-11-03")
    (rows,) = chart["datasets"].values()
    assert [(row["version"], row["going"]) for row in rows] == [
        ("v1", False),
        ("v2", False),
        ("v1", True),
    ]
    bars = chart["layer"][0]
    assert bars["encoding"]["y"]["scale"]["domain"] == ["v2", "v1"]


@pytest.mark.parametrize("days", [2e-4, 1e-3, 0.1, 0.4, 0.6, 1, 2.9, 4, 40])
def test_no_two_ticks_of_the_time_read_alike(days: float) -> None:
    tenures = make_reigns([1, 2], days)
    axis = draw_tenures(tenures, dark=True).to_dict()["layer"][0]["encoding"]["x"]["axis"]
    step = (tenures[-1].end - START) / axis["tickCount"]
    ticks = [(START + number * step).strftime(axis["format"]) for number in range(6)]
    assert len(set(ticks)) == 6


def test_only_the_last_ten_versions_are_drawn() -> None:
    chart = draw_tenures(make_reigns(list(range(1, 41)))).to_dict()
    domain = chart["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert domain == [f"v{number}" for number in range(40, 30, -1)]
    (rows,) = chart["datasets"].values()
    assert len(rows) == 10
