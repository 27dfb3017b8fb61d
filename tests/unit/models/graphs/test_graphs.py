"""Each network gives, with the same weights, the features that PyTorch's network gives."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from core.errors import WeightsDamaged
from models.graphs import build_graph, load_weights
from models.graphs.converting import convert_arrays, standardise
from tests.reference_networks import (
    REFERENCE,
    SIDE,
    compute_reference,
    draw_arrays,
    draw_inputs,
    name_as_published,
)

GRAPHS = ("v15", "bit")


def write_npz(file: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file


@pytest.mark.parametrize("graph", GRAPHS)
def test_features_are_those_of_pytorch(graph: str, tmp_path: Path) -> None:
    wanted = np.load(REFERENCE)[graph]
    if find_spec("timm") and find_spec("torch"):
        np.testing.assert_allclose(compute_reference(graph), wanted, atol=1e-4)
    arrays = {f"module.{name}": one for name, one in draw_arrays(graph).items()}
    arrays["module.fc.weight"] = np.zeros((1000, 2048), np.float32)  # the top is left out
    network = build_graph(graph, SIDE)  # type: ignore[arg-type]
    load_weights(network, graph, write_npz(tmp_path / "w.npz", arrays))  # type: ignore[arg-type]
    features = np.asarray(network.predict_on_batch(draw_inputs())).mean(axis=(1, 2))
    assert wanted.std(axis=0).mean() > 0.02
    np.testing.assert_allclose(features, wanted, atol=1e-4)


def test_bit_is_read_from_its_original_file() -> None:
    arrays = draw_arrays("bit")
    ours = convert_arrays(arrays, "bit")
    again = convert_arrays(name_as_published(arrays), "bit")
    assert ours.keys() == again.keys()
    for name, one in ours.items():
        np.testing.assert_allclose(again[name], one, atol=1e-5)


def test_kernels_are_standardised_per_output_channel() -> None:
    kernel = np.random.default_rng(0).normal(3, 2, (3, 3, 8, 5)).astype(np.float32)
    standard = standardise(kernel)
    np.testing.assert_allclose(standard.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(standard.var(axis=(0, 1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize("graph", GRAPHS)
def test_other_weights_are_refused(graph: str, tmp_path: Path) -> None:
    arrays = draw_arrays(graph)
    network = build_graph(graph, SIDE)  # type: ignore[arg-type]
    first = next(name for name in arrays if name.endswith("weight"))
    for wrong in (
        {name: arrays[name] for name in arrays if name != first},
        arrays | {"layer9.0.conv1.weight": arrays[first]},
        arrays | {first: np.zeros((7, 3, 7, 7), np.float32)},
        draw_arrays("bit" if graph == "v15" else "v15"),
    ):
        with pytest.raises(WeightsDamaged):
            load_weights(network, graph, write_npz(tmp_path / "w.npz", wrong))  # type: ignore[arg-type]
