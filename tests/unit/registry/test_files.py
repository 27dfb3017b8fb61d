"""Arrays become the same bytes each time, and come back unchanged."""

import json

import numpy as np
import pytest

from core.kept import pack_arrays, unpack_arrays

ARRAYS = {
    "features": np.arange(6, dtype=np.float16).reshape(2, 3),
    "scores": np.array([[0.25, 0.75]], dtype=np.float32),
    "labels": np.array([1, 0], dtype=np.int64),
    "nothing": np.empty((0, 4), dtype=np.float64),
    "single": np.asarray(2.5, dtype=np.float32),
    "bytes": np.array([[1, 255]], dtype=np.uint8),
}


def test_arrays_come_back_as_they_were() -> None:
    back = unpack_arrays(pack_arrays(ARRAYS))
    assert set(back) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(back[name], array)
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
    turned = dict(reversed(ARRAYS.items()))
    turned["features"] = np.asfortranarray(turned["features"])
    assert pack_arrays(turned) == pack_arrays(ARRAYS)


def test_objects_are_not_packed() -> None:
    with pytest.raises(KeyError):
        pack_arrays({"anything": np.array([object()])})


def test_the_layout_is_that_of_safetensors() -> None:
    content = pack_arrays({"scores": ARRAYS["scores"]})
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert header == {"scores": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}
    assert (8 + length) % 8 == 0
