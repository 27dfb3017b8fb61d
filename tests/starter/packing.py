"""The weights that the program ships: bytes for kernels."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.workspace import write_atomically
from models.weights_file import STEPS

_DTYPES = {"F32": "<f4", "F16": "<f2", "I8": "|i1"}

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


def write_safetensors(file: Path, arrays: Mapping[str, np.ndarray], **facts: str) -> None:
    """Write arrays as .safetensors, with facts about them in its header."""
    names = {dtype: name for name, dtype in _DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": facts}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        kind = names[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": (begin, end)}
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with write_atomically(file) as temporary, temporary.open("wb") as content:
        content.write(len(head).to_bytes(8, "little") + head)
        for array in arrays.values():
            content.write(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).data)
