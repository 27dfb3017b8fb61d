"""The weights of a backbone, read back from its OpenVINO network: the network that answers.

OpenVINO folds each BatchNorm into the convolution before it, so what comes back is a kernel and a
bias for each convolution, under its name in Keras' ResNet-50. No Keras here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openvino as ov

from core.errors import BackboneMissing

CONVOLUTIONS = 53
_STACKS = ((2, 3), (3, 4), (4, 6), (5, 3))
"""Number and blocks of each stack (He et al. 2015, table 1, 50-layer)."""


class Convolution(NamedTuple):
    """One convolution with the BatchNorm behind it."""

    kernel: np.ndarray
    """(height, width, inputs, outputs) float32, Keras' order."""
    bias: np.ndarray
    """(outputs,) float32."""


def read_convolutions(network_file: Path) -> dict[str, Convolution]:
    """Returns layer name ("conv2_block1_0_conv") → convolution, of a backbone's network file.

    Where the network's preprocessing scales photos, that may stand in the first kernel instead:
    see `folds_scale`.

    Raises:
        BackboneMissing: The file holds another network.
    """
    network = ov.Core().read_model(network_file)
    nodes = [node for node in network.get_ordered_ops() if node.get_type_name() == "Convolution"]
    if len(nodes) != CONVOLUTIONS:
        raise BackboneMissing(
            f"The network {network_file} is not ResNet-50: it has {len(nodes)} convolutions.",
            "Train the same recipe again: its backbone is made anew.",
            file=str(network_file),
        )
    return {name: _read_convolution(node) for name, node in _name_nodes(nodes)}


def folds_scale(network_file: Path) -> bool:
    """Returns whether a division of the photos by 255 would stand in the first kernel."""
    kinds = {node.get_type_name() for node in ov.Core().read_model(network_file).get_ordered_ops()}
    return kinds.isdisjoint({"Multiply", "Divide"})


def _name_nodes(nodes: list[ov.Node]) -> Iterator[tuple[str, ov.Node]]:
    """Yields Keras' name of each convolution; `nodes` in the order of computation."""
    yield "conv1_conv", nodes[0]
    rest = iter(nodes[1:])
    for stack, blocks in _STACKS:
        for block in range(1, blocks + 1):
            own = [next(rest) for _ in range(4 if block == 1 else 3)]
            for place, node in _order_block(own):
                yield f"conv{stack}_block{block}_{place}_conv", node


def _order_block(own: list[ov.Node]) -> Iterator[tuple[int, ov.Node]]:
    """Yields the place of each convolution in its block: 0 is the one beside the other three."""
    middle = next(node for node in own if node.input_value(1).get_node().shape[2] == 3)
    second = middle.get_friendly_name()
    first = _find_before(middle)
    last = next(node for node in own if _find_before(node) == second).get_friendly_name()
    places = {first: 1, second: 2, last: 3}
    for node in own:
        yield places.get(node.get_friendly_name(), 0), node


def _find_before(node: ov.Node) -> str:
    """Returns the name of the convolution right before this one; "" where something else is."""
    before = node.input_value(0).get_node()
    while before.get_type_name() in ("Relu", "Add"):
        if before.get_type_name() == "Add" and not _is_constant(before, 1):
            return ""  # the end of a block
        before = before.input_value(0).get_node()
    return str(before.get_friendly_name()) if before.get_type_name() == "Convolution" else ""


def _is_constant(node: ov.Node, place: int) -> bool:
    return str(node.input_value(place).get_node().get_type_name()) == "Constant"


def _read_convolution(node: ov.Node) -> Convolution:
    kernel = np.array(node.input_value(1).get_node().data, np.float32).transpose(2, 3, 1, 0)
    (after,) = (place.get_node() for place in node.output(0).get_target_inputs())
    has_bias = after.get_type_name() == "Add" and _is_constant(after, 1)
    bias = after.input_value(1).get_node().data.ravel() if has_bias else np.zeros(kernel.shape[3])
    return Convolution(kernel=np.ascontiguousarray(kernel), bias=np.array(bias, np.float32))
