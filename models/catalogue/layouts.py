"""Whether a file holds the network that it should: the names and shapes of its kernels."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import h5py

from core.errors import WeightsDamaged
from models.catalogue import GraphName
from models.catalogue.arrays import read_arrays

STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


Shape = tuple[int, ...]


def check_layout(file: Path, graph: GraphName, suffix: str = "") -> None:
    """Check that the file holds the weights of this network, its top or none beside them.

    Args:
        suffix: The format, where the file is not named after it.

    Raises:
        WeightsDamaged: It is truncated, of another format, or another network's.
    """
    suffix = suffix or file.suffix
    if suffix == ".h5":
        check_weights_file(file)
        return
    found = read_arrays(file, suffix).shapes
    expected = dict(_LAYOUTS[graph]()) if (graph, suffix) != ("bit", ".safetensors") else {}
    known = {name: found[name] for name in expected if name in found}
    if known != expected:
        raise WeightsDamaged(
            f"The weights file {file} is not the ResNet-50 that it should be: "
            f"{_tell(expected, known)}.",
            "Fetch the file of the catalogue (python -m core weights list).",
            file=str(file),
        )


def list_torch_arrays() -> Iterator[tuple[str, Shape]]:
    """Yield what PyTorch calls the arrays of ResNet-50, with their shapes."""
    yield "conv1.weight", (64, 3, 7, 7)
    yield from _list_norm("bn1", 64)
    for stack, block, parts in _list_blocks():
        name = f"layer{stack - 1}.{block - 1}"
        for part, (side, _, channels, filters) in parts.items():
            kernel, norm = (f"conv{part}", f"bn{part}") if part else _AROUND
            yield f"{name}.{kernel}.weight", (filters, channels, side, side)
            yield from _list_norm(f"{name}.{norm}", filters)


_AROUND = "downsample.0", "downsample.1"


def _list_blocks() -> Iterator[tuple[int, int, dict[int, Shape]]]:
    """Yield stack (from 2), block (from 1) and the kernels (h, w, in, out) of its parts.

    Part 0 is beside the other three, in the first block of a stack.
    """
    channels = 64
    for stack, filters, blocks in STACKS:
        for block in range(1, blocks + 1):
            around: dict[int, Shape] = {0: (1, 1, channels, 4 * filters)} if block == 1 else {}
            inside = {
                1: (1, 1, channels, filters),
                2: (3, 3, filters, filters),
                3: (1, 1, filters, 4 * filters),
            }
            yield stack, block, around | inside
            channels = 4 * filters


def _list_norm(name: str, size: int) -> Iterator[tuple[str, Shape]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (size,)


def _list_bit_kernels() -> Iterator[tuple[str, Shape]]:
    """Yield what Big Transfer calls its kernels, with their shapes."""
    kernel = "standardized_conv2d/kernel"
    yield f"resnet/root_block/{kernel}", (7, 7, 3, 64)
    for stack, block, parts in _list_blocks():
        for part, shape in parts.items():
            place = ("a/proj", "a", "b", "c")[part]
            yield f"resnet/block{stack - 1}/unit{block:02}/{place}/{kernel}", shape


_LAYOUTS: dict[GraphName, Callable[[], Iterable[tuple[str, Shape]]]] = {
    "v1": lambda: ((f"{layer}/kernel", shape) for layer, shape in _list_expected_kernels()),
    "v15": list_torch_arrays,
    "bit": _list_bit_kernels,
}
"""In files other than .h5."""


def check_weights_file(path: Path) -> None:
    """Check that the file holds the weights of ResNet-50 without top.

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
    """Yield layer and kernel shape of every layer that has one."""
    for layer, group in file.items():
        for name in group.attrs.get("weight_names", ()):
            text = name.decode() if isinstance(name, bytes) else str(name)
            weight = group[text]
            if text.removesuffix(":0").endswith("/kernel"):
                yield layer, tuple(weight.shape)


def _list_expected_kernels() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "conv1_conv", (7, 7, 3, 64)
    for stack, block, parts in _list_blocks():
        for part, shape in parts.items():
            yield f"conv{stack}_block{block}_{part}_conv", shape


def _tell(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> str:
    """Return in words the first difference between the two."""
    if not found:
        return "it holds no layers of it in this layout"
    if extra := sorted(found.keys() - expected.keys()):
        return f"it has a layer {extra[0]} too many"
    if missing := sorted(expected.keys() - found.keys()):
        return f"the layer {missing[0]} is missing"
    layer = next(name for name in expected if expected[name] != found[name])
    return f"the layer {layer} has shape {found[layer]} instead of {expected[layer]}"
