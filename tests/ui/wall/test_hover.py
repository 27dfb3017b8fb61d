"""What is sent for the photo under the pointer: it and a few near it, never all."""

import numpy as np
import pytest

from core.ui.wall.showing import find_near


@pytest.mark.parametrize("photos", [1, 3, 16, 17, 500])
def test_the_photo_comes_first_and_then_those_that_lie_nearest(photos: int) -> None:
    positions = np.random.default_rng(photos).normal(size=(photos, 2))
    positions[-1] = positions[0]  # two at one place
    near = find_near(positions, photos - 1)
    distances = np.hypot(*(positions - positions[photos - 1]).T)
    assert near[0] == photos - 1
    assert len(near) == len(set(near)) == min(16, photos)
    assert np.allclose(distances[near], np.sort(distances)[: len(near)])
