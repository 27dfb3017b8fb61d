"""Makes tables of predictions, as another program would write them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.dataset import Dataset
from data.predictions import Understood, read_predictions


def make_table(
    dataset: Dataset, *, wrong: Sequence[int] = (), missing: Sequence[int] = (), scored: str = "all"
) -> pd.DataFrame:
    """Return a row for each photo, right but for `wrong`; "all", "predicted" or "none" scored."""
    answers = dataset.labels.copy()
    answers[list(wrong)] = (answers[list(wrong)] + 1) % len(dataset.classes)
    scores = np.full((len(dataset), len(dataset.classes)), 0.1)
    scores[np.arange(len(dataset)), answers] = 1.1 - 0.1 * len(dataset.classes)
    table = pd.DataFrame({"path": dataset.manifest["path"]})
    if scored == "all":
        table[list(dataset.classes)] = scores
    else:
        table["prediction"] = np.array(dataset.classes)[answers]
    if scored == "predicted":
        table["confidence"] = scores.max(axis=1)
    return table.drop(index=list(missing))


def understand(dataset: Dataset, **how: Any) -> Understood:
    """Return such a table as it is understood."""
    return read_predictions(make_table(dataset, **how), dataset)
