"""The frozen backbone with OpenVINO on the CPU: packed photos in, last map and features out.

The trunk is the network up to the end of conv4. No Keras: pages and the API import this.
"""

import dataclasses
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import openvino as ov
from openvino import opset13 as operations

from core.config import FRAMING, PHOTO_SIZE, Framing, fingerprint, read_framing
from core.errors import BackboneMissing
from core.workspace import Workspace, digest_once
from models.catalogue import ADDED, CATALOGUE, DEFAULT, FEATURE_WIDTH, refuse_network
from models.rows import CONV4
from models.weights import Weights, WeightsKind

Preprocessing = Literal["resnet", "unit", "plain", "signed", "imagenet"]
"""The colours that a network expects; the last three only of added models."""
COLOURS: Mapping[Preprocessing, str] = {
    "resnet": "BGR minus ImageNet's mean",
    "unit": "RGB / 255",
    "plain": "RGB from 0 to 255",
    "signed": "RGB from −1 to 1",
    "imagenet": "RGB with ImageNet's mean and deviation",
}

Precision = Literal["f32", "bf16", "f16"]
Purpose = Literal["throughput", "latency"]

NETWORK_FILE = "backbone.xml"
FACTS_FILE = "backbone.json"
HEAD_FILE = "head.npz"
"""The head of an added model, with all its outputs."""
ADD_AGAIN = "Add the model again (page Models, “Add a model”)."

_OTHER_NETWORKS = {"graph", "inputs", "rounded_from", "photo_side", "crops"}
"""Facts of backbones that only earlier versions support."""
_VERSION = 1
_BATCH_SIZES: dict[Purpose, int] = {"throughput": 8, "latency": 1}


class Look(NamedTuple):
    """The output of the backbone."""

    maps: np.ndarray
    """(n, h, w, d) float32, the last map; the rows, if there is none."""
    features: np.ndarray
    """(n, d) float32, the mean of the map."""


@dataclass(frozen=True, kw_only=True)
class BackboneFacts:
    """The facts of a backbone; `precision` is the type of its computations."""

    id: str
    weights_kind: WeightsKind
    weights_label: str
    weights_digest: str
    preprocessing: Preprocessing
    precision: Precision
    cosine: float
    """Minimum cosine between its features and f32 features of the probe photos."""
    files: dict[str, str]
    """Name of a file → its SHA-256."""
    framing: Framing = FRAMING
    width: int = FEATURE_WIDTH
    """Numbers in a row."""
    has_map: bool = True
    """Whether the rows are the mean of a map; else the rows are the only output."""
    rows_are: Literal["features", "scores"] = "features"
    """scores: logarithms of an added model's scores, as its last layer is not a dense layer."""
    parity: float | None = None
    """Largest difference to the scores of an added model's own framework, on probe photos."""

    @property
    def origin(self) -> str:
        """The weights, their licence, and the colours of the input."""
        whose = "licence unknown"  # the user's own file
        if self.weights_kind == ADDED:
            whose = f"{self.weights_label}, your own model"
        elif self.weights_kind != DEFAULT or self.weights_label == "ImageNet":
            entry = CATALOGUE[self.weights_kind]
            whose = f"{entry.title}, licence: {entry.licence}"
        return f"{whose}; photos as {COLOURS[self.preprocessing]}"

    def describe(self) -> dict[str, Any]:
        """Return the facts as JSON, without defaults."""
        facts = dataclasses.asdict(self)
        del facts["framing"]
        for one in dataclasses.fields(self):
            if one.name in facts and facts[one.name] == one.default:
                del facts[one.name]
        return facts | self.framing.describe()


def read_facts(described: Mapping[str, Any]) -> BackboneFacts:
    """Return the facts that `BackboneFacts.describe` gave; the files may be missing.

    Raises:
        NetworkUnsupported: This version does not support the network.
        TypeError, AttributeError: They are malformed.
    """
    kind, label = described.get("weights_kind", DEFAULT), described.get("weights_label")
    if kind not in (*CATALOGUE, ADDED) or not _OTHER_NETWORKS.isdisjoint(described):
        what = "8-bit integers" if "rounded_from" in described else f"the weights “{label}”"
        if not {"photo_side", "crops"}.isdisjoint(described):
            what = "photos of another size, or several crops"
        raise refuse_network(what)
    framing = read_framing(described)
    rest = {name: described[name] for name in described if name not in framing.describe()}
    return BackboneFacts(**{"files": {}, **rest, "framing": framing})


class Network(Protocol):
    """A network from photos to rows."""

    @property
    def batch_size(self) -> int:
        """Most photos in a batch of `stream`."""

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the rows of each batch (b, 224, 224, 3) uint8, in order.

        A backbone gives features (b, 2048) float32, a trunk activations (b, 14, 14, 1024) float16.
        """


class Trunk(Network, Protocol):
    """A trunk or backbone: OpenVINO here, Keras in models/keras_backbone.py, or on a cluster."""

    @property
    def facts(self) -> BackboneFacts:
        """The facts of its backbone."""


def backbone_id(weights: Weights, preprocessing: Preprocessing, framing: Framing = FRAMING) -> str:
    """Return the id of the backbone with these weights, preprocessing and framing."""
    return fingerprint(
        framing.describe()
        | {
            "backbone": "resnet50",
            "version": _VERSION,
            "weights": weights.digest,
            "preprocessing": preprocessing,
            "photo_size": PHOTO_SIZE,
        }
    )


def backbone_exists(workspace: Workspace, backbone_id: str) -> bool:
    """Return whether the workspace has the backbone, intact."""
    try:
        read_backbone_facts(workspace, backbone_id)
    except BackboneMissing:
        return False
    return True


def read_backbone_facts(workspace: Workspace, backbone_id: str) -> BackboneFacts:
    """Return the facts of a backbone, after a check of its files.

    Raises:
        BackboneMissing: It is not in the workspace, or a file is damaged.
    """
    folder = workspace.backbone_folder(backbone_id)
    try:
        facts = read_facts(json.loads((folder / FACTS_FILE).read_text(encoding="utf-8")))
        files = {folder / name: sha for name, sha in facts.files.items()}
        sound = all(digest_once(file) == sha for file, sha in files.items())
    except (FileNotFoundError, ValueError, TypeError, AttributeError) as error:
        raise _missing(backbone_id, "is not in the workspace") from error
    if not sound:
        raise _missing(backbone_id, "was altered")
    return facts


def open_backbone(
    workspace: Workspace, backbone_id: str, *, purpose: Purpose, is_trunk: bool = False
) -> "Backbone":
    """Return the backbone, compiled for many photos ("throughput") or one at a time ("latency").

    Args:
        is_trunk: Return its trunk, whose rows are the activations.

    Raises:
        BackboneMissing: It is not in the workspace, or a file is damaged.
    """
    facts = suit_machine(read_backbone_facts(workspace, backbone_id))
    network = ov.Core().read_model(workspace.backbone_folder(backbone_id) / NETWORK_FILE)
    if is_trunk:
        network = _cut_trunk(network)
    return Backbone(facts, compile_model(network, facts.precision, purpose))


def offered_precisions() -> tuple[Precision, ...]:
    """Return the precisions that this CPU supports natively, the fastest first."""
    offered = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in offered else ("f32",)


def suit_machine(facts: BackboneFacts) -> BackboneFacts:
    """Return the facts on this CPU, of a backbone that another machine may have made."""
    if facts.precision in offered_precisions():
        return facts
    return dataclasses.replace(facts, precision="f32", cosine=1.0)


def compile_model(
    network: ov.Model | Path, precision: Precision, purpose: Purpose
) -> ov.CompiledModel:
    """Return the network, or the network of a file, compiled for batches of one fixed size."""
    if isinstance(network, Path):
        network = ov.Core().read_model(network)
    # A fixed batch size is faster, and the features of a photo do not depend on its neighbours.
    shape = network.input(0).partial_shape
    shape[0] = _BATCH_SIZES[purpose]
    network.reshape(shape)
    hints = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": purpose.upper()}
    return ov.Core().compile_model(network, "CPU", hints)


def stream_output(
    network: ov.CompiledModel, output: ov.ConstOutput, batches: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield one output (b, …) of a compiled network for each batch of photos, in order.

    Each stream of the CPU has a running and a waiting batch, so that it is never idle.
    """
    streams = int(network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    idle = [network.create_infer_request() for _ in range(2 * streams)]
    running: deque[tuple[ov.InferRequest, int]] = deque()

    def finish_oldest() -> np.ndarray:
        request, photos = running.popleft()
        request.wait()
        rows = np.array(request.get_tensor(output).data[:photos])
        idle.append(request)
        return rows

    try:
        for batch in batches:
            request = idle.pop()
            request.start_async({0: fill_batch(batch, int(network.input(0).shape[0]))})
            running.append((request, len(batch)))
            if not idle:
                yield finish_oldest()
        while running:
            yield finish_oldest()
    finally:
        for request, _ in running:  # the caller left early
            request.wait()


class Backbone:
    """A compiled backbone or trunk, its rows the flattest output; one thread at a time."""

    def __init__(self, facts: BackboneFacts, network: ov.CompiledModel) -> None:
        self.facts = facts
        self.batch_size = int(network.input(0).shape[0])
        self._network = network
        self._rows = min(network.outputs, key=lambda output: len(output.shape))
        self._maps = max(network.outputs, key=lambda output: len(output.shape))
        self._request = network.create_infer_request()

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the rows of each batch (b, 224, 224, 3) uint8, in order."""
        return stream_output(self._network, self._rows, batches)

    def look(self, photos: np.ndarray) -> Look:
        """Return maps and features of a few photos (n, 224, 224, 3) uint8."""
        outputs = self._maps, self._rows
        seen = Look(*(np.empty((len(photos), *one.shape[1:]), np.float32) for one in outputs))
        for start in range(0, len(photos), self.batch_size):
            batch = photos[start : start + self.batch_size]
            self._request.infer({0: fill_batch(batch, self.batch_size)})
            for rows, output in zip(seen, outputs, strict=True):
                found = self._request.get_tensor(output).data[: len(batch)]
                rows[start : start + len(batch)] = found
        return seen


def fill_batch(photos: np.ndarray, size: int) -> np.ndarray:
    """Return the photos as a batch of `size`, filled with black."""
    if len(photos) == size:
        return np.ascontiguousarray(photos)
    batch = np.zeros((size, *photos.shape[1:]), photos.dtype)
    batch[: len(photos)] = photos  # ValueError for more than `size`
    return batch


def _missing(backbone_id: str, what: str) -> BackboneMissing:
    return BackboneMissing(
        f"The backbone {backbone_id} {what}.",
        "Run “python -m core features DATASET” with the --weights and --preprocessing of the run.",
        backbone_id=backbone_id,
    )


def _cut_trunk(network: ov.Model) -> ov.Model:
    """Return the network up to its last rectified map of conv4."""
    side, _, channels = CONV4.shape
    shape = [str(size) for size in (channels, side, side)]
    maps = [
        node
        for node in network.get_ordered_ops()
        if node.get_type_name() == "Relu"
        and [str(size) for size in node.output(0).partial_shape][1:] == shape
    ]
    places_first = operations.transpose(maps[-1], np.array([0, 2, 3, 1]))
    halves = operations.convert(places_first, "f16")
    return ov.Model([halves], network.get_parameters(), "conv4")
