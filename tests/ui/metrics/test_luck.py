"""Split luck in words and drawn."""

import numpy as np
import pandas as pd

from core.ui.metrics.charts import draw_luck
from core.ui.metrics.page import say_luck


def test_it_says_where_the_split_lies_and_what_copies_bring() -> None:
    rng = np.random.default_rng(0)
    aware = pd.DataFrame({"way": "aware", "accuracy": rng.normal(0.80, 0.01, 200)})
    naive = pd.DataFrame({"way": "naive", "accuracy": rng.normal(0.83, 0.01, 200)})
    now = pd.Series({"accuracy": 0.85, "n": 500, "copies": 40})
    lucky, copies = say_luck(pd.concat([naive, aware]), now)
    assert "split is lucky" in lucky and "200 new splits" in lucky and "100 % give less" in lucky
    assert "+2.9 points" in copies and "40 photos" in copies
    (alone,) = say_luck(naive, pd.Series({"accuracy": 0.83, "n": 500, "copies": 0}))
    assert "as most are" in alone
    assert "too few" in say_luck(naive.head(0), now)[0]
    draw_luck(naive, 0.83, dark=True).to_dict()
