"""How many photos are smaller than the square that a recipe asks for."""

from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from core.config import Framing
from core.runs.recipe.photos import warn_of_enlarging
from data.dataset import Dataset


class Sizes(SimpleNamespace):
    """A dataset of which the sizes of photos are known."""

    def __len__(self) -> int:
        return len(self.manifest)


@pytest.mark.parametrize(
    ("framing", "words"),
    [
        (Framing(how="pad"), ""),
        (Framing(), "1 of 3 photos is smaller than 224 px"),
        (Framing(side=160), "1 of 3 photos is smaller than 160 px"),
        (Framing(side=288), "1 of 3 photos is smaller than 288 px"),
        (Framing(side=448), "All 3 photos are smaller than 448 px"),
        (Framing(side=448, how="pad"), "1 of 3 photos is smaller than 448 px"),
    ],
)
def test_enlarged_photos_are_counted_by_the_side_that_is_resized(
    framing: Framing, words: str
) -> None:
    sizes = pd.DataFrame({"width": [100, 600, 500], "height": [300, 300, 400]})
    dataset = cast(Dataset, Sizes(manifest=sizes))
    said = warn_of_enlarging(dataset, framing)
    assert said.startswith(words) and bool(said) == bool(words)
