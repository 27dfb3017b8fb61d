"""Full models written from a backbone's network and a head: each gives the scores of the two."""

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import openvino as ov
import pytest

from core.errors import BackboneMissing
from core.workspace import Workspace
from models.backbone import (
    NETWORK_FILE,
    BackboneFacts,
    OpenVinoBackbone,
    backbone_id,
    compile_model,
    read_backbone_facts,
)
from models.catalogue import FEATURE_WIDTH
from models.dense import DenseHead, measure_spread
from models.export_keras import build_full_model, read_convolutions, write_keras, write_litert
from models.export_onnx import write_onnx
from models.keras_backbone import build_network, make_backbone
from models.weights import find_weights
from tests.exporting import ASKED

TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=["resnet", "unit"])
def network(
    request: pytest.FixtureRequest,
    trained_workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The network file of a backbone with random weights, for each preprocessing."""
    weights = find_weights(trained_workspace, "random")
    if request.param == "resnet":
        identifier = backbone_id(weights, "resnet")
        return trained_workspace.backbone_folder(identifier) / NETWORK_FILE
    workspace = Workspace(tmp_path_factory.mktemp("other"))
    return workspace.backbone_folder(make_backbone(workspace, weights, "unit")) / NETWORK_FILE


@pytest.fixture(scope="module")
def facts(network: Path) -> BackboneFacts:
    """What is known of the backbone."""
    return read_backbone_facts(Workspace(network.parents[2]), network.parent.name)


@pytest.fixture(scope="module")
def features(network: Path, facts: BackboneFacts, photos: np.ndarray) -> np.ndarray:
    """The features of the photos, computed in float32."""
    backbone = OpenVinoBackbone(facts, compile_model(network, "f32", "latency"))
    return backbone.look(photos).features


@pytest.fixture(scope="module")
def head(features: np.ndarray) -> DenseHead:
    """A head with a hidden layer."""
    rng = np.random.default_rng(3)
    sizes = (FEATURE_WIDTH, 16, 4)
    mean, scale = measure_spread(features)
    return DenseHead(
        kernels=tuple(
            rng.normal(size=pair, scale=pair[0] ** -0.5).astype(np.float32)
            for pair in pairwise(sizes)
        ),
        biases=tuple(rng.normal(size=size).astype(np.float32) for size in sizes[1:]),
        mean=mean,
        scale=scale,
    )


@pytest.fixture(scope="module")
def wanted(head: DenseHead, features: np.ndarray) -> np.ndarray:
    """The scores as the program computes them, in float32."""
    scores = head.scores(features)
    assert scores.std(axis=0).max() > 0.05  # else any network would do
    return scores


# Keras asks NumPy in an old way when it saves what Normalization was given.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_and_litert(
    network: Path,
    facts: BackboneFacts,
    head: DenseHead,
    photos: np.ndarray,
    wanted: np.ndarray,
    tmp_path: Path,
) -> None:
    built = build_full_model(network, facts, head)
    write_keras(built, tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(model.predict_on_batch(photos), wanted, atol=TOLERANCE)
    if keras.backend.backend() == "tensorflow":
        write_litert(built, tmp_path / "model.tflite")
        scores = ASKED["litert"](tmp_path / "model.tflite", photos)
        np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    assert isinstance(model.get_layer("resnet50").get_layer("conv5_block3_out"), keras.Layer)


@pytest.mark.slow
def test_onnx(
    network: Path,
    facts: BackboneFacts,
    head: DenseHead,
    photos: np.ndarray,
    wanted: np.ndarray,
    tmp_path: Path,
) -> None:
    write_onnx(network, facts, head, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (scores,) = session.run(["scores"], {"photos": photos})
    np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    (alone,) = session.run(["scores"], {"photos": photos[:1]})  # any number of photos
    np.testing.assert_allclose(alone, wanted[:1], atol=TOLERANCE)


def test_each_convolution_is_found_once(network: Path) -> None:
    convolutions = read_convolutions(network)
    assert len(convolutions) == 53
    resnet = build_network()
    layers = [layer for layer in resnet.layers if isinstance(layer, keras.layers.Conv2D)]
    shapes = {layer.name: tuple(layer.kernel.shape) for layer in layers}
    assert {name: one.kernel.shape for name, one in convolutions.items()} == shapes


def test_another_network_is_refused(facts: BackboneFacts, head: DenseHead, tmp_path: Path) -> None:
    photos = ov.opset13.parameter([-1, 224, 224, 3], np.uint8, name="photos")
    other = ov.Model([ov.opset13.tanh(ov.opset13.convert(photos, "f32"))], [photos], "other")
    ov.save_model(other, tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        read_convolutions(tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        write_onnx(tmp_path / "other.xml", facts, head, tmp_path / "model.onnx")
