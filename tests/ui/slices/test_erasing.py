"""What a property did, in words."""

import pandas as pd

from core.ui.slices.findings import say_without

FACTS = {"n": 500, "rank": 3, "readable": 0.4, "before": 430, "gained": 3, "lost": 13}
RANDOM = {"flips": 20, "flips_random": 4.25, "change_low": -2, "change_high": 1}


def test_the_change_stands_beside_random_directions() -> None:
    change, random, readable = say_without(pd.Series({**FACTS, **RANDOM}))
    assert "86.0 % → 84.0 % right: −2.0 points" in change and "500 validation photos" in change
    assert "3 at once" in random and "4.2 answers" in random
    assert "40" in readable and "little" not in readable
    unread = say_without(pd.Series({**FACTS, **RANDOM, "readable": -0.2}))[2]
    assert "0.0 %" in unread and "little" in unread
