"""Spans of time as people read them: exact where they were measured, rough where estimated."""

import pytest

from core.formats import rough_duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (12.4, "12 s"), (89, "89 s"), (95, "2 min"), (2540, "42 min"), (9000, "2.5 h")],
)
def test_an_estimate_has_one_unit(seconds: float, words: str) -> None:
    assert rough_duration(seconds) == words
