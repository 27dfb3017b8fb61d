"""What a file of ResNet-50 weights without top must contain (HDF5, in the layout of Keras)."""

from collections.abc import Iterator
from pathlib import Path

import h5py

from core.errors import WeightsDamaged

_STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


def check_weights_file(path: Path) -> None:
    """Returns nothing when the file holds the weights of ResNet-50 without top.

    Raises:
        WeightsDamaged: It is truncated, no HDF5, or another network's.
    """
    try:
        with h5py.File(path, "r") as file:
            found = dict(_list_kernels(file))
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsDamaged(
            f"The weights file {path} cannot be read: it is truncated or no HDF5 file.",
            "Delete it and download or copy it again.",
            file=str(path),
        ) from error
    expected = dict(_list_expected_kernels())
    if found != expected:
        raise WeightsDamaged(
            f"The weights file {path} is not ResNet-50 without its top: {_tell(expected, found)}.",
            "Use the file whose name ends in “notop.h5”, in Keras' layout.",
            file=str(path),
        )


def _list_kernels(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields layer and kernel shape of every layer that has one."""
    for layer, group in file.items():
        for name in group.attrs.get("weight_names", ()):
            text = name.decode() if isinstance(name, bytes) else str(name)
            weight = group[text]
            if text.removesuffix(":0").endswith("/kernel"):
                yield layer, tuple(weight.shape)


def _list_expected_kernels() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "conv1_conv", (7, 7, 3, 64)
    channels = 64
    for stack, filters, blocks in _STACKS:
        for block in range(1, blocks + 1):
            name = f"conv{stack}_block{block}"
            if block == 1:
                yield f"{name}_0_conv", (1, 1, channels, 4 * filters)
            yield f"{name}_1_conv", (1, 1, channels, filters)
            yield f"{name}_2_conv", (3, 3, filters, filters)
            yield f"{name}_3_conv", (1, 1, filters, 4 * filters)
            channels = 4 * filters


def _tell(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str:
    """Returns in words the first difference between the two."""
    if not found:
        return "it holds no layers in Keras' layout"
    if extra := sorted(found.keys() - expected.keys()):
        return f"it has a layer {extra[0]} too many"
    if missing := sorted(expected.keys() - found.keys()):
        return f"the layer {missing[0]} is missing"
    layer = next(name for name in expected if expected[name] != found[name])
    return f"the layer {layer} has shape {found[layer]} instead of {expected[layer]}"
