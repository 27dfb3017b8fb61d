"""Reads the arrays of a weights file by name, and checks that they are those of its network.

No pickle is ever opened, nothing executed. Each array is read when it is asked for.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from core.errors import WeightsDamaged
from core.workspace import write_atomically
from models.catalogue import GraphName

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "|i1"}
_MOST_HEADER = 100_000_000
"""Bytes; the limit of the format's own reader."""

STEPS = ":steps"
"""Ends the name of what bytes of a .safetensors are counted in: one step for each output."""

_BROKEN = (OSError, EOFError, ValueError, LookupError, TypeError, RuntimeError, zipfile.BadZipFile)


class Arrays(Mapping[str, np.ndarray]):
    """Arrays by name, each read from its file when it is asked for."""

    def __init__(
        self, shapes: Mapping[str, tuple[int, ...]], read: Callable[[str], np.ndarray]
    ) -> None:
        self.shapes = shapes
        self._read = read

    def __getitem__(self, name: str) -> np.ndarray:
        self.shapes[name]
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def read_arrays(file: Path, suffix: str = "") -> Arrays:
    """Return the arrays in a .npz, .safetensors or .onnx file, by the names they have there.

    `suffix`: the format, where the file is not named after it.

    Raises:
        WeightsDamaged: It is truncated, or not in the format that its name says.
    """
    suffix = suffix or file.suffix
    try:
        return _READERS[suffix](file)
    except _BROKEN as error:
        raise WeightsDamaged(
            f"The weights file {file} cannot be read: it is truncated or no {suffix} file.",
            "Delete it and download or copy it again.",
            file=str(file),
        ) from error


def _read_npz(file: Path) -> Arrays:
    with file.open("rb") as raw, np.load(raw, allow_pickle=False) as content:
        archive = content.zip
        shapes = {name: _read_npy_shape(archive, name) for name in content.files}

    def read(name: str) -> np.ndarray:
        with np.load(file, allow_pickle=False) as content:
            return np.asarray(content[name])

    return Arrays(shapes, read)


def _read_npy_shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """Return the shape of an array from the head of its .npy, without its numbers."""
    with archive.open(f"{name}.npy") as head:
        version = np.lib.format.read_magic(head)
        known = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, _, dtype = known[version[0]](head)
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects")
    return tuple(shape)


def _read_safetensors(file: Path) -> Arrays:
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        if not 2 <= length <= min(_MOST_HEADER, file.stat().st_size - 8):
            raise ValueError("no header")
        header: dict[str, Any] = json.loads(content.read(length))
    header.pop("__metadata__", None)
    start, size = 8 + length, file.stat().st_size
    for facts in header.values():
        low, high = facts["data_offsets"]
        room = np.dtype(_DTYPES[facts["dtype"]]).itemsize * int(np.prod(facts["shape"], dtype=int))
        if not 0 <= low <= high <= size - start or high - low != room:
            raise ValueError("an array lies outside of the file")

    def read(name: str) -> np.ndarray:
        facts = header[name]
        place, shape = start + facts["data_offsets"][0], tuple(facts["shape"])
        dtype = np.dtype(_DTYPES[facts["dtype"]])
        array = np.fromfile(file, dtype, int(np.prod(shape, dtype=int)), offset=place)
        array = array.reshape(shape)
        return array * read(name + STEPS) if name + STEPS in header else array

    shown = (name for name in header if not name.endswith(STEPS))
    return Arrays({name: tuple(header[name]["shape"]) for name in shown}, read)


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


def _read_onnx(file: Path) -> Arrays:
    import openvino as ov  # pages that read no .onnx do without

    network = ov.Core().read_model(file.read_bytes())
    found = {
        node.get_friendly_name(): node
        for node in network.get_ordered_ops()
        if node.get_type_name() == "Constant"
    }
    shapes = {name: tuple(node.output(0).shape) for name, node in found.items()}
    return Arrays(shapes, lambda name: np.array(found[name].data))


_READERS = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".onnx": _read_onnx,
}


STACKS = ((2, 64, 3), (3, 128, 4), (4, 256, 6), (5, 512, 3))
"""Number, filters and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


Shape = tuple[int, ...]


def check_layout(file: Path, graph: GraphName, suffix: str = "") -> None:
    """Check that the file holds the weights of this network, its top or none beside them.

    `suffix`: the format, where the file is not named after it.

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
    """Yield stack, block and kernels (h, w, in, out) by part; part 0 is beside the other three."""
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
