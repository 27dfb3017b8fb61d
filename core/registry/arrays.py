"""Arrays as bytes and back, in the layout of safetensors: a length, a JSON header, the raw numbers.

Nothing in it can be run, the same arrays always give the same bytes, and reading parses JSON only,
so that several threads may read at once.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_KINDS = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_LENGTH = 8


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns the arrays as one piece of bytes.

    Source: the safetensors format, https://github.com/huggingface/safetensors.
    """
    header: dict[str, object] = {}
    pieces: list[bytes] = []
    offset = 0
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        piece = array.tobytes()
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("=")],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(piece)],
        }
        pieces.append(piece)
        offset += len(piece)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)  # so that the numbers are aligned
    return b"".join([len(text).to_bytes(_LENGTH, "little"), text, *pieces])


def unpack_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays, read-only views of the bytes.

    Raises:
        ValueError: The bytes are not what `pack_arrays` returned.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    start = _LENGTH + length
    if len(content) < start:
        raise ValueError("the header was cut short")
    try:
        header = json.loads(content[_LENGTH:start])
        return {name: _read_array(content, start, entry) for name, entry in header.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the header is not one of arrays") from error


def _read_array(content: bytes, start: int, entry: Mapping[str, Any]) -> np.ndarray:
    first, last = entry["data_offsets"]
    numbers = np.frombuffer(content[start + first : start + last], dtype=_KINDS[entry["dtype"]])
    return numbers.reshape(entry["shape"])
