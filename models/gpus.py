"""The NVIDIA GPUs that programs may see, asked of the driver (NVML), without Keras."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pynvml

Handle = Any
"""NVML's name of a GPU, valid while `open_gpus` is entered."""


@contextmanager
def open_gpus() -> Iterator[list[Handle]]:
    """Yields the GPUs, those that CUDA_VISIBLE_DEVICES names, in its order; all without it.

    Raises:
        NVMLError: There is no driver, or it does not know one that is named.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    pynvml.nvmlInit()
    try:
        if visible is None:
            numbers = range(pynvml.nvmlDeviceGetCount())
            yield [pynvml.nvmlDeviceGetHandleByIndex(number) for number in numbers]
        else:
            names = [name.strip() for name in visible.split(",")]
            yield [_find_gpu(name) for name in names if name not in ("", "-1")]
    finally:
        pynvml.nvmlShutdown()


def _find_gpu(name: str) -> Handle:
    """Returns the GPU of a number or a UUID."""
    if name.isdigit():
        return pynvml.nvmlDeviceGetHandleByIndex(int(name))
    return pynvml.nvmlDeviceGetHandleByUUID(name)
