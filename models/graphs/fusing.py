"""GroupNorm as one operation of an OpenVINO network: as Keras exports it, it is a dozen. No Keras.

Two of these turn the maps around; in one operation the network computes several times as fast, and
what copies it into other formats finds its numbers.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import openvino as ov
from openvino import opset13 as operations

_EPSILON = 1e-5
"""Of models/graphs/__init__.py."""


def fuse_group_norms(file: Path) -> None:
    """Write the network of the file again, with one GroupNormalization for each in parts."""
    with TemporaryDirectory(dir=file.parent) as folder:
        network = ov.Core().read_model(file)
        _fuse(network)
        fused = Path(folder) / file.name
        ov.save_model(network, fused, compress_to_fp16=False)
        for written in (fused.with_suffix(".bin"), fused):
            written.replace(file.with_suffix(written.suffix))


def _fuse(network: ov.Model) -> None:
    for start, end in list(_find_norms(network)):
        channels_first = start.input_value(0).get_node().input_value(0)
        groups = int(start.output(0).partial_shape[3].get_length())
        gamma, beta = _read_scale(start)
        fused = operations.group_normalization(channels_first, gamma, beta, groups, _EPSILON)
        for place in end.output(0).get_target_inputs():
            turned = place.get_node()
            if turned.get_type_name() == "Transpose":  # back to channels first
                for behind in turned.output(0).get_target_inputs():
                    behind.replace_source_output(fused.output(0))
            else:
                channels_last = operations.transpose(fused, np.array([0, 2, 3, 1]))
                place.replace_source_output(channels_last.output(0))
    network.validate_nodes_and_infer_types()


def _find_norms(network: ov.Model) -> Iterator[tuple[ov.Node, ov.Node]]:
    """Yield the two Reshapes that begin and end each GroupNorm."""
    for node in network.get_ordered_ops():
        if node.get_type_name() == "Reshape" and len(node.output(0).partial_shape) == 5:
            yield node, _follow(_follow(_follow(node, "Multiply"), "Add"), "Reshape")


def _read_scale(start: ov.Node) -> tuple[np.ndarray, np.ndarray]:
    """Return gamma and beta (channels,) float32 of the GroupNorm that begins here."""
    scaled = _follow(start, "Multiply")
    gamma = _read_constant(scaled.input_value(1).get_node())
    beta = _read_constant(_follow(scaled, "Add").input_value(1).get_node())
    return gamma, beta


def _follow(node: ov.Node, kind: str) -> ov.Node:
    """Return the one of this kind that takes the node's output."""
    takers = (place.get_node() for place in node.output(0).get_target_inputs())
    return next(taker for taker in takers if taker.get_type_name() == kind)


def _read_constant(node: ov.Node) -> np.ndarray:
    """Return the constant that the node takes, as one row."""
    values = (place.get_node() for place in node.input_values())
    constant = next(value for value in values if value.get_type_name() == "Constant")
    return np.array(constant.data, np.float32).ravel()
