"""Published weights (torchvision, timm, .npz of BiT) under the names and axes of Keras' layers.

BiT's kernels are standardised here, once; stages that are trained begin from that.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from core.errors import WeightsDamaged
from models.catalogue import GraphName

_NORM = {"weight": "gamma", "bias": "beta"} | {
    f"running_{one}": f"moving_{two}" for one, two in (("mean", "mean"), ("var", "variance"))
}
_IGNORED = re.compile(r"(.*\.)?(num_batches_tracked|fc\.\w+|head\.\S+)|(resnet/)?head/.*")
_WRAPPERS = ("module.", "backbone.", "encoder.", "model.", "resnet.")
_SPREAD_FLOOR = 1e-10
"""Source: bit_jax/models.py of google-research/big_transfer, fixed before the root."""


def convert_arrays(arrays: Mapping[str, np.ndarray], graph: GraphName) -> dict[str, np.ndarray]:
    """Return the arrays by our names ("conv1_conv/kernel"), float32; what is of the top is left.

    Raises:
        WeightsDamaged: A name is not of this network.
    """
    rename = _RENAMES[graph]
    converted = {}
    for name in arrays:
        short = _unwrap(name)
        if _IGNORED.fullmatch(short):
            continue
        ours = rename(short)
        if ours is None:
            raise WeightsDamaged(
                f"These weights are not of the network “{graph}”: {name[:200]} is unknown.",
                "Use the file that the catalogue names, whole and unaltered.",
            )
        converted[ours] = _arrange(np.asarray(arrays[name], np.float32), ours, "/" in name)
    if graph == "bit":
        kernels = [name for name in converted if name.endswith("/kernel")]
        converted |= {name: standardise(converted[name]) for name in kernels}
    return converted


def standardise(kernel: np.ndarray) -> np.ndarray:
    """Return the kernel (h, w, in, out) with mean 0 and variance 1 in each output channel."""
    mean, variance = kernel.mean(axis=(0, 1, 2)), kernel.var(axis=(0, 1, 2))
    scaled: np.ndarray = (kernel - mean) / np.sqrt(variance + _SPREAD_FLOOR)
    return scaled.astype(np.float32)


def _unwrap(name: str) -> str:
    """Return the name without what training wrapped around the network."""
    wrapper = next((one for one in _WRAPPERS if name.startswith(one)), None)
    return name if wrapper is None else _unwrap(name.removeprefix(wrapper))


def _arrange(array: np.ndarray, ours: str, axes_are_ours: bool) -> np.ndarray:
    if array.ndim == 4 and not axes_are_ours:
        return array.transpose(2, 3, 1, 0)
    return array.reshape(-1) if not ours.endswith("/kernel") else array


_TORCH = re.compile(r"layer([1-4])\.(\d)\.(conv|bn|downsample\.)(\d)\.(\w+)")


def _rename_v15(name: str) -> str | None:
    """Return our name of an array of torchvision's ResNet-50."""
    stem = re.fullmatch(r"(conv|bn)1\.(\w+)", name)
    if stem:
        return _join("conv1", stem[1] == "conv", stem[2])
    found = _TORCH.fullmatch(name)
    if found is None:
        return None
    stack, block, kind, number, what = found.groups()
    convolves = kind == "conv" or (kind == "downsample." and number == "0")
    part = 0 if kind == "downsample." else number
    return _join(f"conv{int(stack) + 1}_block{int(block) + 1}_{part}", convolves, what)


def _join(layer: str, convolves: bool, what: str) -> str | None:
    if convolves:
        return f"{layer}_conv/kernel" if what == "weight" else None
    return f"{layer}_bn/{_NORM[what]}" if what in _NORM else None


_TIMM_BIT = re.compile(r"stages\.(\d)\.blocks\.(\d)\.(conv|norm|downsample\.conv)(\d?)\.(\w+)")
_NPZ_BIT = re.compile(r"(?:resnet/)?block([1-4])/unit0(\d)/([abc])/(proj/)?(\w+)/(\w+)")


def _rename_bit(name: str) -> str | None:
    """Return our name of an array of timm's resnetv2_50x1_bit, or of the original's .npz."""
    name = name.removeprefix("resnet/")
    if name in _BIT_ENDS:
        return _BIT_ENDS[name]
    if found := _TIMM_BIT.fullmatch(name):
        stack, block, kind, part, what = found.groups()
        layer = f"conv{int(stack) + 2}_block{int(block) + 1}_{part or 0}"
        if kind != "norm":
            return f"{layer}_conv/kernel" if what == "weight" else None
        return f"{layer}_gn/{_NORM[what]}" if what in ("weight", "bias") else None
    if found := _NPZ_BIT.fullmatch(name):
        stack, block, letter, around, kind, what = found.groups()
        part = 0 if around else "abc".index(letter) + 1
        layer = f"conv{int(stack) + 1}_block{block}_{part}"
        known = {("standardized_conv2d", "kernel"): f"{layer}_conv/kernel"}
        known |= {("group_norm", one): f"{layer}_gn/{one}" for one in ("gamma", "beta")}
        return known.get((kind, what))
    return None


_BIT_ENDS = {
    "stem.conv.weight": "conv1_conv/kernel",
    "root_block/standardized_conv2d/kernel": "conv1_conv/kernel",
    "norm.weight": "conv5_gn/gamma",
    "norm.bias": "conv5_gn/beta",
    "group_norm/gamma": "conv5_gn/gamma",
    "group_norm/beta": "conv5_gn/beta",
}

_RENAMES: Mapping[str, Callable[[str], str | None]] = {
    "v1": str,  # only our own are written so, by our names
    "v15": _rename_v15,
    "bit": _rename_bit,
}
