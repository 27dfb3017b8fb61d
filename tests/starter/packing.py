"""The weights that the program ships: bytes for kernels."""

from collections.abc import Mapping

import numpy as np

from models.catalogue.arrays import STEPS

_SMALL = 40_000
"""Numbers of a kernel up to which it is small."""


def pack_kernels(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays with kernels (h, w, in, out) as bytes and the step of each output.

    Read as float32 again: a quarter of the size. Small kernels become float16: rounding the first
    ones costs most.
    """
    packed = dict(arrays)
    for name, array in arrays.items():
        if array.ndim == 4 and array.size <= _SMALL:
            packed[name] = array.astype(np.float16)
        elif array.ndim == 4:
            steps = np.abs(array).max(axis=(0, 1, 2)).clip(1e-12) / 127
            packed[name] = np.rint(array / steps).astype(np.int8)
            packed[name + STEPS] = steps.astype(np.float32)
    return packed
