"""Full models written from a backbone's network and a head: each gives the scores of the two."""

from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import openvino as ov
import pytest

from core.errors import BackboneMissing
from core.workspace import Workspace
from models.backbone import (
    NETWORK_FILE,
    Backbone,
    backbone_id,
    compile_model,
    read_backbone_facts,
)
from models.catalogue import FEATURE_WIDTH
from models.dense import DenseHead, measure_spread
from models.export_keras import build_full_model, read_convolutions
from models.export_onnx import write_onnx
from models.keras_backbone import build_network
from models.making import make_backbone
from models.weights import find_weights
from tests.exporting import ASKED

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def network(resnet_workspace: Workspace) -> Path:
    """The network file of the backbone with random weights."""
    identifier = backbone_id(find_weights(resnet_workspace, "random"), "resnet")
    return resnet_workspace.backbone_folder(identifier) / NETWORK_FILE


def draw_head(features: np.ndarray) -> DenseHead:
    """Return a head with a hidden layer for features like these."""
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


# Keras asks NumPy in an old way when it saves what Normalization was given.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_photos_between_zero_and_one_have_the_same_scores_in_every_format(
    resnet_workspace: Workspace, photos: np.ndarray, tmp_path: Path
) -> None:
    workspace, few = Workspace(tmp_path / "other"), photos[:5]
    identifier = make_backbone(workspace, find_weights(resnet_workspace, "random"), "unit")
    network = workspace.backbone_folder(identifier) / NETWORK_FILE
    facts = read_backbone_facts(workspace, identifier)
    features = Backbone(facts, compile_model(network, "f32", "latency")).look(few).features
    head = draw_head(features)
    wanted = head.scores(features)
    assert wanted.std(axis=0).max() > 0.05  # else any network would do

    built = build_full_model(network, facts, head)
    built.save(tmp_path / "model.keras")
    assert isinstance(built.get_layer("resnet50").get_layer("conv5_block3_out"), keras.Layer)
    write_onnx(network, facts, head, tmp_path / "model.onnx")
    files = {"keras": tmp_path / "model.keras", "onnx": tmp_path / "model.onnx"}
    if keras.backend.backend() == "tensorflow":
        files["litert"] = tmp_path / "model.tflite"
        built.export(str(files["litert"]), format="litert", verbose=False)
    for name, file in files.items():
        np.testing.assert_allclose(ASKED[name](file, few), wanted, atol=TOLERANCE, err_msg=name)
    alone = ASKED["onnx"](files["onnx"], few[:1])  # any number of photos
    np.testing.assert_allclose(alone, wanted[:1], atol=TOLERANCE)


@pytest.mark.slow
def test_each_convolution_is_found_once(network: Path) -> None:
    convolutions = read_convolutions(network)
    assert len(convolutions) == 53
    resnet = build_network()
    layers = [layer for layer in resnet.layers if isinstance(layer, keras.layers.Conv2D)]
    shapes = {layer.name: tuple(layer.kernel.shape) for layer in layers}
    assert {name: one.kernel.shape for name, one in convolutions.items()} == shapes


def test_another_network_is_refused(backbone: Backbone, tmp_path: Path) -> None:
    head = draw_head(np.random.default_rng(0).random((5, FEATURE_WIDTH), np.float32))
    photos = ov.opset13.parameter([-1, 224, 224, 3], np.uint8, name="photos")
    other = ov.Model([ov.opset13.tanh(ov.opset13.convert(photos, "f32"))], [photos], "other")
    ov.save_model(other, tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        read_convolutions(tmp_path / "other.xml")
    with pytest.raises(BackboneMissing):
        write_onnx(tmp_path / "other.xml", backbone.facts, head, tmp_path / "model.onnx")
