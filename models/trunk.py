"""The trunk: the backbone up to the end of conv4, from whose activations conv5 is trained.

With OpenVINO it is cut out of the backbone's own network, so it computes what the backbone does, in
the same precision. Activations are (n, 14, 14, 1024) float16, none below 0.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import openvino as ov
from openvino import opset13 as operations

from core.workspace import Workspace
from models.backbone import (
    NETWORK_FILE,
    BackboneFacts,
    compile_model,
    offered_precisions,
    read_backbone_facts,
    stream_output,
)
from models.rows import CONV4


class Trunk(Protocol):
    """A trunk ready to look at photos: OpenVINO here, Keras in models/keras_backbone.py."""

    @property
    def facts(self) -> BackboneFacts:
        """Those of its backbone."""

    @property
    def batch_size(self) -> int:
        """Photos that one batch of `stream` holds at most."""

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the activations (b, 14, 14, 1024) float16 of each batch of photos, in order.

        What is larger than float16 can say is infinite.
        """


def open_trunk(workspace: Workspace, backbone_id: str) -> Trunk:
    """Returns the trunk of a backbone, compiled for many photos.

    Raises:
        BackboneMissing: The backbone is not in the workspace, or was altered.
    """
    facts = read_backbone_facts(workspace, backbone_id)
    if facts.precision not in offered_precisions():  # made on another machine
        facts = dataclasses.replace(facts, precision="f32", cosine=1.0)
    file = workspace.backbone_folder(backbone_id) / NETWORK_FILE
    network = _cut(ov.Core().read_model(file))
    return OpenVinoTrunk(facts, compile_model(network, facts.precision, "throughput"))


class OpenVinoTrunk:
    """The compiled trunk, and the facts of its backbone. One thread at a time."""

    def __init__(self, facts: BackboneFacts, network: ov.CompiledModel) -> None:
        self.facts = facts
        self.batch_size = int(network.input(0).shape[0])
        self._network = network

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the activations (b, 14, 14, 1024) float16 of each batch of photos, in order."""
        return stream_output(self._network, self._network.output(0), batches)


def _cut(network: ov.Model) -> ov.Model:
    """Returns the network up to the last map of conv4: photos → (n, 14, 14, 1024) float16."""
    side, _, channels = CONV4.shape
    ends = [
        node
        for node in network.get_ordered_ops()
        if node.get_type_name() == "Relu"
        and [str(size) for size in node.output(0).partial_shape][1:]
        == [str(channels), str(side), str(side)]
    ]
    places_first = operations.transpose(ends[-1], np.array([0, 2, 3, 1]))
    halves = operations.convert(places_first, "f16")
    return ov.Model([halves], network.get_parameters(), "conv4")
