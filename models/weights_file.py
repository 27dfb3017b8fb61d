"""Reads weights files: .safetensors arrays, and checks whether a .h5 is ResNet-50 without top.

No pickle is opened and no code is executed.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from core.errors import WeightsDamaged
from core.kept import unpack_arrays

STEPS = ":steps"
"""Suffix of the scale of an 8-bit array, one number per output."""


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a .safetensors file by name, float32.

    Raises:
        WeightsDamaged: The file cannot be read.
    """
    try:
        stored = unpack_arrays(file.read_bytes())
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise WeightsDamaged(
            f"The weights file {file} cannot be read: it is truncated or not a .safetensors file.",
            "Copy it again.",
            file=str(file),
        ) from error
    return {
        name: np.asarray(array * stored.get(name + STEPS, 1), np.float32)
        for name, array in stored.items()
        if not name.endswith(STEPS)
    }


STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


Kernels = dict[str, tuple[int, ...]]
"""Layer → shape of its kernel (h, w, in, out)."""

_GRAPH = "petalscope_graph"
"""Attribute that earlier versions wrote into a .h5 of another network."""


def _list_expected_kernels() -> Kernels:
    kernels: Kernels = {"conv1_conv": (7, 7, 3, 64)}
    channels = 64
    for stack, filters, blocks in STACKS:
        for block in range(1, blocks + 1):
            name = f"conv{stack}_block{block}"
            if block == 1:  # the shortcut
                kernels[f"{name}_0_conv"] = (1, 1, channels, 4 * filters)
            kernels[f"{name}_1_conv"] = (1, 1, channels, filters)
            kernels[f"{name}_2_conv"] = (3, 3, filters, filters)
            kernels[f"{name}_3_conv"] = (1, 1, filters, 4 * filters)
            channels = 4 * filters
    return kernels


def check_weights_file(path: Path) -> None:
    """Check that the file holds the weights of ResNet-50 without top.

    Raises:
        WeightsDamaged: It is truncated, no HDF5, or another network's.
    """
    try:
        with h5py.File(path, "r") as file:
            found, graph = dict(_list_kernels(file)), file.attrs.get(_GRAPH, "")
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsDamaged(
            f"The weights file {path} cannot be read: it is truncated or not an HDF5 file.",
            "Delete it and download or copy it again.",
            file=str(path),
        ) from error
    expected = _list_expected_kernels()
    if graph or found != expected:
        fault = f"it is of the network “{graph}”" if graph else _describe_fault(expected, found)
        raise WeightsDamaged(
            f"The weights file {path} is not Keras' ResNet-50 without top: {fault}.",
            "Use the file whose name ends in “notop.h5”, in Keras' layout.",
            file=str(path),
        )


def _list_kernels(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield layer and kernel shape of every layer that has one."""
    for layer, group in file.items():
        for name in group.attrs.get("weight_names", ()):
            text = name.decode() if isinstance(name, bytes) else str(name)
            weight = group[text]
            if text.removesuffix(":0").endswith("/kernel"):
                yield layer, tuple(weight.shape)


def _describe_fault(expected: Kernels, found: Kernels) -> str:
    """Return the first difference in words."""
    if not found:
        return "it has no layers in this layout"
    if extra := sorted(found.keys() - expected.keys()):
        return f"the layer {extra[0]} does not belong to it"
    if missing := sorted(expected.keys() - found.keys()):
        return f"the layer {missing[0]} is missing"
    layer = next(name for name in expected if expected[name] != found[name])
    return f"the layer {layer} has shape {found[layer]} instead of {expected[layer]}"
