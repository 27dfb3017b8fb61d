"""Weights under the names of published networks, drawn; and what PyTorch's networks make of them.

`python -m tests.reference_networks FILE`, where torch, torchvision and timm are installed, writes
the features again that tests/unit/models/graphs/reference.npz holds (torch 2.13.0, timm 1.0.31).
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.workspace import Workspace
from models.catalogue import read_catalogue

REFERENCE = Path(__file__).parent / "unit/models/graphs/reference.npz"
TIMM_NAMES = {"v15": "resnet50", "bit": "resnetv2_50x1_bit"}
SIDE = 96
_BLOCKS = (3, 4, 6, 3)


def draw_inputs() -> np.ndarray:
    """Return preprocessed photos (2, 96, 96, 3) float32."""
    return np.random.default_rng(1).normal(0, 1, (2, SIDE, SIDE, 3)).astype(np.float32)


def draw_arrays(graph: str) -> dict[str, np.ndarray]:
    """Return all weights of a network without its top, under torchvision's or timm's names."""
    shapes = dict(_list_v15() if graph == "v15" else _list_bit())
    rng = np.random.default_rng(7)
    return {name: _draw(rng, name, shape) for name, shape in shapes.items()}


def keep_drawn_weights(workspace: Workspace, name: str) -> None:
    """Put drawn weights where those of this name in the catalogue are looked for."""
    workspace.weights.mkdir(parents=True, exist_ok=True)
    graph = read_catalogue()[name].graph
    arrays = draw_arrays(graph)
    if graph == "bit":
        arrays = name_as_published(arrays)
    np.savez(workspace.weights / f"{name}.npz", **arrays)  # type: ignore[arg-type]


def name_as_published(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return BiT's weights as the original .npz names and orders them."""
    named = {}
    for name, array in arrays.items():
        parts = name.split(".")
        turned = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.reshape(1, 1, 1, -1)
        if parts[0] == "stem":
            named["resnet/root_block/standardized_conv2d/kernel"] = turned
            continue
        what = "gamma" if parts[-1] == "weight" else "beta"
        if parts[0] == "norm":
            named[f"resnet/group_norm/{what}"] = turned
            continue
        unit = f"resnet/block{int(parts[1]) + 1}/unit{int(parts[3]) + 1:02d}"
        if parts[4] == "downsample":
            named[f"{unit}/a/proj/standardized_conv2d/kernel"] = turned
            continue
        letter = "abc"[int(parts[4][-1]) - 1]
        is_kernel = parts[4].startswith("conv")
        last = "standardized_conv2d/kernel" if is_kernel else f"group_norm/{what}"
        named[f"{unit}/{letter}/{last}"] = turned
    return named | {"resnet/head/conv2d/kernel": np.zeros((1, 1, 2048, 5), np.float32)}


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 4:
        values = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    elif name.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif name.endswith("weight"):  # of a norm; the last of a block is small
        values = rng.uniform(0.5, 1, shape) * (0.3 if "bn3" in name else 1)
    else:
        values = rng.normal(0, 0.1, shape)
    return values.astype(np.float32)


def _list_v15() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _list_pair("conv1", "bn1", (64, 3, 7, 7))
    for stack, block, inputs, size in _list_blocks():
        name = f"layer{stack + 1}.{block}"
        yield from _list_pair(f"{name}.conv1", f"{name}.bn1", (size, inputs, 1, 1))
        yield from _list_pair(f"{name}.conv2", f"{name}.bn2", (size, size, 3, 3))
        yield from _list_pair(f"{name}.conv3", f"{name}.bn3", (4 * size, size, 1, 1))
        if block == 0:
            around = f"{name}.downsample"
            yield from _list_pair(f"{around}.0", f"{around}.1", (4 * size, inputs, 1, 1))


def _list_pair(
    convolution: str, norm: str, shape: tuple[int, ...]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{convolution}.weight", shape
    for what in ("weight", "bias", "running_mean", "running_var"):
        yield f"{norm}.{what}", shape[:1]


def _list_bit() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "stem.conv.weight", (64, 3, 7, 7)
    for stack, block, inputs, size in _list_blocks():
        name = f"stages.{stack}.blocks.{block}"
        kernels = (size, inputs, 1, 1), (size, size, 3, 3), (4 * size, size, 1, 1)
        for part, shape in enumerate(kernels, 1):
            yield f"{name}.norm{part}.weight", shape[1:2]
            yield f"{name}.norm{part}.bias", shape[1:2]
            yield f"{name}.conv{part}.weight", shape
        if block == 0:
            yield f"{name}.downsample.conv.weight", (4 * size, inputs, 1, 1)
    yield "norm.weight", (2048,)
    yield "norm.bias", (2048,)


def _list_blocks() -> Iterator[tuple[int, int, int, int]]:
    """Yield stack, block, channels that come in, and channels of the 3×3 convolution."""
    inputs = 64
    for stack, blocks in enumerate(_BLOCKS):
        for block in range(blocks):
            yield stack, block, inputs, 64 * 2**stack
            inputs = 256 * 2**stack


def compute_reference(graph: str) -> np.ndarray:
    """Return the features (2, 2048) float32 that PyTorch's network gives with the drawn weights."""
    import timm  # type: ignore[import-not-found]
    import torch  # type: ignore[import-not-found]

    network = timm.create_model(TIMM_NAMES[graph], num_classes=0).eval()
    arrays = {name: torch.from_numpy(one) for name, one in draw_arrays(graph).items()}
    missing, extra = network.load_state_dict(arrays, strict=False)
    assert not extra and all(name.endswith("num_batches_tracked") for name in missing)
    with torch.no_grad():
        features: np.ndarray = network(
            torch.from_numpy(draw_inputs().transpose(0, 3, 1, 2).copy())
        ).numpy()
    return features


if __name__ == "__main__":
    np.savez(sys.argv[1], **{graph: compute_reference(graph) for graph in TIMM_NAMES})
