"""What each stage of the frozen backbone sees, conv1 to conv5: the means of its last map."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import openvino as ov
from openvino import opset13 as operations

from core.workspace import Workspace
from models.backbone import BackboneFacts, compile_model, read_network, stream_output

WIDTHS = 64, 256, 512, 1024, 2048
"""Channels of the last map of each stage."""
BATCH = 8


def stream_stages(
    workspace: Workspace, backbone_id: str, batches: Iterable[np.ndarray]
) -> Iterator[list[np.ndarray]]:
    """Yield for each batch (b, s, s, 3) uint8 the means of each stage, (b, channels) float32.

    Raises:
        BackboneMissing: The backbone is not in the workspace, or was altered.
    """
    facts, network = read_network(workspace, backbone_id)
    compiled = compile_model(_tap(network, facts), facts.precision, "throughput")
    for rows in stream_output(compiled, compiled.output(0), batches):
        yield np.split(rows, np.cumsum(WIDTHS)[:-1], axis=1)


def _tap(network: ov.Model, facts: BackboneFacts) -> ov.Model:
    """Return the network whose output is the means of all stages, one behind the other."""
    kinds = ("Add" if facts.graph == "bit" else "Relu"), "Convolution"  # BiT's conv1 has no more
    means = []
    for stage, channels in enumerate(WIDTHS[:-1], 1):
        end = _find_end(network, channels, facts.framing.side // 2**stage, kinds)
        means.append(operations.reduce_mean(end, np.array([2, 3]), keep_dims=False))
    features = next(one for one in network.outputs if one.partial_shape.rank.get_length() == 2)
    joined = operations.concat([*means, features.get_node().input_value(0)], 1)
    return ov.Model([operations.convert(joined, "f32")], network.get_parameters(), "stages")


def _find_end(network: ov.Model, channels: int, side: int, kinds: Sequence[str]) -> ov.Node:
    """Return the last node of this shape, of the first kind that there is."""
    shape = [str(size) for size in (channels, side, side)]
    fitting: dict[str, ov.Node] = {}
    for node in network.get_ordered_ops():
        shapes = [one.partial_shape for one in node.outputs() if one.partial_shape.rank.is_static]
        if [str(size) for one in shapes[:1] for size in one][1:] == shape:
            fitting[node.get_type_name()] = node
    return next(fitting[kind] for kind in kinds if kind in fitting)
