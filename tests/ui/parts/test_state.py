"""Numbers in links: whole, in range, and never a crash."""

import pytest

from core.ui.parts.state import read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("7", 7), ("007", 7), ("9", 9)),
        *(("10", None), ("-1", None), ("1.5", None), ("", None), (" 1", None), ("x", None)),
        *(("\u0663", None), ("\u00b2", None), ("9" * 5000, None)),
    ],
)
def test_only_numbers_in_range_count(text: str, number: int | None) -> None:
    assert read_number(text, 10) == number
