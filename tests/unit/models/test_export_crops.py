"""Full models of a backbone that looks at crops give the scores that the program gives."""

from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from core.config import Framing
from core.workspace import Workspace
from models.backbone import (
    NETWORK_FILE,
    OpenVinoBackbone,
    compile_network,
    read_backbone_facts,
)
from models.catalogue import FEATURE_WIDTH
from models.dense import DenseHead, measure_spread
from models.export_keras import build_full_model, write_keras
from models.export_onnx import write_onnx
from models.keras_backbone import draw_probe_photos, make_backbone
from models.weights import find_weights


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    "framing",
    [Framing(side=160, crops="mirror"), Framing(side=160, crops="five"), Framing(side=288)],
    ids=lambda framing: framing.words,
)
def test_all_formats_look_as_often(framing: Framing, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = make_backbone(workspace, find_weights(workspace, "random"), "resnet", framing=framing)
    facts, network = read_backbone_facts(workspace, made), workspace.backbone_folder(made)
    network /= NETWORK_FILE
    photos = draw_probe_photos(3, framing.side)
    backbone = OpenVinoBackbone(facts, compile_network(network, "f32", "latency"))
    look = backbone.look(photos)
    assert look.maps.shape[1:] == (framing.side // 32, framing.side // 32, FEATURE_WIDTH)
    np.testing.assert_allclose(look.maps.mean(axis=(1, 2)), look.features, rtol=1e-3, atol=1e-4)
    mean, scale = measure_spread(look.features)
    kernel = np.random.default_rng(3).normal(size=(FEATURE_WIDTH, 4), scale=0.02)
    biases = (np.zeros(4, np.float32),)
    head = DenseHead(kernels=(kernel.astype(np.float32),), biases=biases, mean=mean, scale=scale)
    wanted = head.scores(look.features)
    assert wanted.std(axis=0).max() > 0.05
    write_onnx(network, facts, head, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (scores,) = session.run(["scores"], {"photos": photos})
    np.testing.assert_allclose(scores, wanted, atol=1e-4)
    write_keras(build_full_model(network, facts, head), tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(model.predict_on_batch(photos), wanted, atol=1e-4)
