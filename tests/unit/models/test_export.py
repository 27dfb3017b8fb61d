"""Full models written from a backbone's network and a head: each gives the scores of the two."""

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import openvino as ov
import pytest

from core.config import FEATURE_SIZE
from core.errors import BackboneMissing
from core.workspace import Workspace
from models.backbone import (
    NETWORK_FILE,
    OpenVinoBackbone,
    Preprocessing,
    backbone_id,
    compile_network,
    read_backbone_facts,
)
from models.dense import DenseHead, measure_spread
from models.export_keras import KerasExport, read_convolutions
from models.export_onnx import write_onnx, write_openvino
from models.keras_backbone import make_backbone
from models.weights import find_weights

TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=["resnet", "unit"])
def preprocessing(request: pytest.FixtureRequest) -> Preprocessing:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def network(
    preprocessing: Preprocessing,
    trained_workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The network file of the backbone with random weights."""
    workspace = trained_workspace
    weights = find_weights(workspace, "random")
    if preprocessing == "unit":
        workspace = Workspace(tmp_path_factory.mktemp("unit"))
        make_backbone(workspace, weights, preprocessing)
    return workspace.backbone_folder(backbone_id(weights, preprocessing)) / NETWORK_FILE


@pytest.fixture(scope="module")
def features(network: Path, photos: np.ndarray) -> np.ndarray:
    """The features of the photos, computed in float32."""
    facts = read_backbone_facts(Workspace(network.parents[2]), network.parent.name)
    backbone = OpenVinoBackbone(facts, compile_network(network, "f32", "latency"))
    return backbone.look(photos).features


@pytest.fixture(scope="module")
def head(features: np.ndarray) -> DenseHead:
    """A head with a hidden layer."""
    rng = np.random.default_rng(3)
    sizes = (FEATURE_SIZE, 16, 4)
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
def test_keras(
    network: Path,
    preprocessing: Preprocessing,
    head: DenseHead,
    photos: np.ndarray,
    wanted: np.ndarray,
    tmp_path: Path,
) -> None:
    KerasExport(network, preprocessing, head).write("keras", tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(model.predict_on_batch(photos), wanted, atol=TOLERANCE)
    assert isinstance(model.get_layer("resnet50").get_layer("conv5_block3_out"), keras.Layer)


@pytest.mark.slow
def test_onnx(
    network: Path,
    preprocessing: Preprocessing,
    head: DenseHead,
    photos: np.ndarray,
    wanted: np.ndarray,
    tmp_path: Path,
) -> None:
    write_onnx(network, preprocessing, head, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (scores,) = session.run(["scores"], {"photos": photos})
    np.testing.assert_allclose(scores, wanted, atol=TOLERANCE)
    (alone,) = session.run(["scores"], {"photos": photos[:1]})  # any number of photos
    np.testing.assert_allclose(alone, wanted[:1], atol=TOLERANCE)


def test_openvino(
    network: Path, head: DenseHead, photos: np.ndarray, wanted: np.ndarray, tmp_path: Path
) -> None:
    write_openvino(network, head, tmp_path / "model.xml")
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    model = ov.Core().compile_model(tmp_path / "model.xml", "CPU", hints)
    found = model(photos)
    np.testing.assert_allclose(found["scores"], wanted, atol=TOLERANCE)
    np.testing.assert_allclose(head.scores(found["features"]), wanted, atol=TOLERANCE)


def test_each_convolution_is_found_once(network: Path) -> None:
    convolutions = read_convolutions(network)
    assert len(convolutions) == 53
    resnet = keras.applications.ResNet50(include_top=False, weights=None)
    layers = [layer for layer in resnet.layers if isinstance(layer, keras.layers.Conv2D)]
    shapes = {layer.name: tuple(layer.kernel.shape) for layer in layers}
    assert {name: one.kernel.shape for name, one in convolutions.items()} == shapes


def test_another_network_is_refused(head: DenseHead, tmp_path: Path) -> None:
    photos = ov.opset13.parameter([-1, 224, 224, 3], np.uint8, name="photos")
    other = ov.Model([ov.opset13.tanh(ov.opset13.convert(photos, "f32"))], [photos], "other")
    ov.save_model(other, tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        read_convolutions(tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        write_onnx(tmp_path / "other.xml", "unit", head, tmp_path / "model.onnx")
