"""Reads the arrays of a weights file by their names, whatever its format; executes nothing of it.

No pickle is ever opened. Each array is read when it is asked for.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import WeightsDamaged
from core.workspace import write_atomically

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "|i1"}
_MOST_HEADER = 100_000_000
"""Bytes; the limit of the format's own reader."""

_STEPS = ":steps"
"""Ends the name of what bytes of a .safetensors are counted in: one step for each output."""
_SMALL = 40_000

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

    Args:
        suffix: The format, where the file is not named after it.

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
        return array * read(name + _STEPS) if name + _STEPS in header else array

    shown = (name for name in header if not name.endswith(_STEPS))
    return Arrays({name: tuple(header[name]["shape"]) for name in shown}, read)


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
            packed[name + _STEPS] = steps.astype(np.float32)
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
