"""Whether a faster backbone may be used: from counts alone."""

import numpy as np
import pytest

from core.instant.rounding import Judgement, compare_answers


def test_answers_are_counted_photo_by_photo():
    usual, fast, labels = (
        np.array(one) for one in ([0, 0, 1, 2, 2], [0, 1, 1, 1, 0], [0, 1, 2, 2, 1])
    )
    counted = Judgement(photos=5, equal=2, right=2, gained=1, lost=1)
    assert compare_answers(usual, fast, labels) == counted
    assert compare_answers(usual, usual, labels).passes


@pytest.mark.parametrize(
    ("n", "equal", "gained", "lost", "passes"),
    [
        (1000, 995, 2, 3, True),
        (1000, 994, 3, 3, False),
        (10_000, 9_960, 0, 40, False),  # nearly all are equal, and it is told to be worse
        (10_000, 9_960, 40, 0, True),
        (3, 3, 0, 0, True),
        (60, 59, 0, 1, False),
    ],
)
def test_equal_answers_and_accuracy_decide(n, equal, gained, lost, passes):
    judged = Judgement(photos=n, equal=equal, right=n // 2, gained=gained, lost=lost)
    assert judged.passes == passes


def test_figures_carry_their_photos_and_intervals():
    said = Judgement(photos=2568, equal=2545, right=2152, gained=5, lost=4).say()
    assert said == (
        "99.1 % (98.7 % to 99.4 %) of 2,568 training photos, each left out once, get the same "
        "answer; 83.8 % are right, with the usual network 83.8 % (82.3 % to 85.2 %)."
    )
    assert "1 training photo," in Judgement(photos=1, equal=1, right=1, gained=0, lost=0).say()
