"""Arrays of a weights file in each format, and files that are not what their name says."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from core.errors import WeightsDamaged
from models.catalogue.arrays import read_arrays, write_safetensors
from tests.starter.packing import pack_kernels

KERNEL = np.arange(108, dtype="float32").reshape(4, 3, 3, 3)
ARRAYS = {"block/conv": KERNEL, "scale": np.float16([1, 2, 3, 4]), "count": np.array(7, "int64")}


def write_onnx(file: Path) -> None:
    held = [numpy_helper.from_array(array, name) for name, array in ARRAYS.items()]
    nodes = [
        helper.make_node("Conv", ["photos", "block/conv"], ["maps"]),
        helper.make_node("Cast", ["scale"], ["scale32"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["scale32", "as"], ["places"]),
        helper.make_node("Mul", ["maps", "places"], ["out"]),
        helper.make_node("Cast", ["count"], ["count32"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["out", "count32"], ["sum"]),
    ]
    held.append(numpy_helper.from_array(np.array([1, 4, 1, 1]), "as"))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("photos", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, None)],
        held,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), file)


WRITERS = {
    ".npz": lambda file: np.savez(file, **ARRAYS),
    ".safetensors": lambda file: write_safetensors(file, ARRAYS, source="a test"),
    ".onnx": write_onnx,
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_arrays_are_read_by_name(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    WRITERS[suffix](file)
    found = read_arrays(file)
    assert ARRAYS.keys() <= found.keys()
    for name, array in ARRAYS.items():
        assert found.shapes[name] == array.shape
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(KeyError):
        found["another"]


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("content", [b"", b"<!doctype html><html>please log in</html>" * 9])
def test_another_kind_of_file_is_told(tmp_path: Path, suffix: str, content: bytes) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(WeightsDamaged, match=f"no {suffix} file"):
        read_arrays(file)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_truncated_file_is_told(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"weights{suffix}"
    WRITERS[suffix](file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(WeightsDamaged, match="truncated"):
        read_arrays(file)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle was opened",))


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    np.savez(file, weights=np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(WeightsDamaged):
        read_arrays(file)
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WeightsDamaged):
        read_arrays(file)


@pytest.mark.parametrize("place", [(0, 4000), (-8, 0), (400, 408), (0, 4)])
def test_arrays_beside_the_file_are_told(tmp_path: Path, place: tuple[int, int]) -> None:
    head = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": place}}).encode()
    file = tmp_path / "weights.safetensors"
    file.write_bytes(len(head).to_bytes(8, "little") + head + bytes(8))
    with pytest.raises(WeightsDamaged):
        read_arrays(file)


def test_large_kernels_are_packed_to_a_quarter_and_small_ones_to_half(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    large, small = (rng.normal(size=(3, 3, n, 128)).astype("float32") for n in (64, 3))
    large[..., 3] = 0  # an output that nothing reaches
    arrays = {"conv2/kernel": large, "conv1/kernel": small, "conv1/bias": np.ones(16, "float32")}
    file = tmp_path / "packed.safetensors"
    write_safetensors(file, pack_kernels(arrays))
    found = read_arrays(file)
    assert found.keys() == arrays.keys()
    assert found["conv2/kernel"].dtype == np.float32
    steps = np.abs(large).max(axis=(0, 1, 2)) / 127
    assert (np.abs(found["conv2/kernel"] - large) <= 0.51 * steps).all()
    np.testing.assert_allclose(found["conv1/kernel"], small, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(found["conv1/bias"], 1)
    assert file.stat().st_size < large.nbytes / 4 + small.nbytes / 2 + 2_000
