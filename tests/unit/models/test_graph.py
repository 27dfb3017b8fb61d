"""The graph of an added model: its input, preprocessing, and its end cut into features and head."""

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper

from core.errors import ModelRefused
from models.backbone import Preprocessing
from models.graph import (
    CONVENTIONS,
    Input,
    cut,
    find_ending,
    find_input,
    preprocess,
    preprocess_photos,
    to_scores,
)
from tests import other_models
from tests.other_models import FILTERS, Weights, draw_dataset_photos, make_onnx

_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
PHOTOS, LABELS = draw_dataset_photos(2, first=100)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_preprocessing_is_that_of_keras(convention: Preprocessing) -> None:
    seen = preprocess_photos(PHOTOS, Input(224, 224, 3, channels_first=False), convention)
    assert np.abs(seen - other_models.preprocess(PHOTOS, convention)).max() < 2e-4
    first = preprocess_photos(PHOTOS, Input(224, 224, 3, channels_first=True), convention)
    assert np.array_equal(first, seen.transpose(0, 3, 1, 2))


def test_photos_of_another_size_are_resized_like_tensorflow_does() -> None:
    import tensorflow as tf

    seen = preprocess_photos(PHOTOS, Input(96, 128, 3, channels_first=False), "plain")
    wanted = tf.image.resize(PHOTOS, (96, 128)).numpy()
    assert np.abs(seen - wanted).max() < 1e-2


@pytest.mark.parametrize("ending", ["", "Softmax", "LogSoftmax"])
def test_a_graph_is_cut_at_its_pooling(tmp_path, ending: str) -> None:
    weights = Weights("imagenet")
    raw = ov.Core().read_model(make_onnx(weights, tmp_path / "a.onnx", ending))
    graph = preprocess(raw, find_input(raw), "imagenet")
    outputs = ov.compile_model(graph.clone(), "CPU", _EXACT)(PHOTOS)[0]
    kind = find_ending(raw, outputs)
    scores = to_scores(outputs, kind)
    parts = cut(graph, kind)
    assert (parts.has_map, parts.has_features) == (True, True)
    answer = ov.compile_model(parts.graph, "CPU", _EXACT)(PHOTOS)
    rows, maps = answer[0], answer[1]
    assert (rows.shape, maps.shape) == ((10, FILTERS), (10, 14, 14, FILTERS))
    assert np.abs(maps.mean(axis=(1, 2)) - rows).max() < 1e-5
    assert np.abs(rows - weights.pool(other_models.preprocess(PHOTOS, "imagenet"))).max() < 1e-3
    assert np.abs(parts.head.scores(rows) - scores).max() < 1e-5
    assert (scores.argmax(axis=1) == LABELS).mean() > 0.8


def test_sigmoid_outputs_have_no_features(tmp_path) -> None:
    raw = ov.Core().read_model(make_onnx(Weights("unit"), tmp_path / "a.onnx", "Sigmoid"))
    graph = preprocess(raw, find_input(raw), "unit")
    outputs = ov.compile_model(graph.clone(), "CPU", _EXACT)(PHOTOS)[0]
    parts = cut(graph, find_ending(raw, outputs))
    assert (parts.has_map, parts.has_features) == (False, False)
    rows = ov.compile_model(parts.graph, "CPU", _EXACT)(PHOTOS)[0]
    wanted = outputs / outputs.sum(axis=1, keepdims=True)
    assert np.abs(parts.head.scores(rows) - wanted).max() < 1e-6


@pytest.mark.parametrize("ending", ["", "Sigmoid"])
def test_a_single_output_is_the_score_of_the_second_class(tmp_path, ending: str) -> None:
    weights = Weights("unit")
    weights.kernel, weights.bias = weights.kernel[:, :1], weights.bias[:1]
    raw = ov.Core().read_model(make_onnx(weights, tmp_path / "a.onnx", ending))
    graph = preprocess(raw, find_input(raw), "unit")
    outputs = ov.compile_model(graph.clone(), "CPU", _EXACT)(PHOTOS)[0]
    kind = find_ending(raw, outputs)
    parts = cut(graph, kind)
    rows = ov.compile_model(parts.graph, "CPU", _EXACT)(PHOTOS)[0]
    logits = weights.pool(other_models.preprocess(PHOTOS, "unit")) @ weights.kernel + weights.bias
    wanted = 1 / (1 + np.exp(-logits[:, 0]))
    assert np.abs(parts.head.scores(rows)[:, 1] - wanted).max() < 1e-4
    assert np.abs(to_scores(outputs, kind)[:, 1] - wanted).max() < 1e-4


def test_hidden_layers_and_normalisation_belong_to_the_head() -> None:
    """Pooled → normalised → dense, rectified → dense: all but the pooling is the head."""
    rng = np.random.default_rng(0)
    sizes = {"a": (3,), "b": (3,), "w": (3, 7), "v": (7,), "u": (7, 4)}
    given = {name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    steps = [
        helper.make_node("Transpose", ["photos"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("GlobalAveragePool", ["first"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["rows"]),
        helper.make_node("Sub", ["rows", "a"], ["r1"]),
        helper.make_node("Mul", ["r1", "b"], ["r2"]),
        helper.make_node("MatMul", ["r2", "w"], ["r3"]),
        helper.make_node("Add", ["r3", "v"], ["r4"]),
        helper.make_node("Relu", ["r4"], ["r5"]),
        helper.make_node("MatMul", ["r5", "u"], ["r6"]),
    ]
    entry = helper.make_tensor_value_info("photos", TensorProto.FLOAT, ["n", 224, 224, 3])
    outcome = helper.make_tensor_value_info("r6", TensorProto.FLOAT, ["n", 4])
    stored = [onnx.numpy_helper.from_array(value, name) for name, value in given.items()]
    proto = helper.make_model(
        helper.make_graph(steps, "g", [entry], [outcome], stored),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    raw = ov.Core().read_model(proto.SerializeToString())
    parts = cut(preprocess(raw, find_input(raw), "unit"), "none")
    assert [kernel.shape for kernel in parts.head.kernels] == [(3, 7), (7, 4)]
    rows = ov.compile_model(parts.graph, "CPU", _EXACT)(PHOTOS)[0]
    assert np.abs(rows - (PHOTOS / 255).mean(axis=(1, 2))).max() < 1e-4
    hidden = np.maximum((rows - given["a"]) * given["b"] @ given["w"] + given["v"], 0)
    assert np.abs(parts.head.scores(rows) - to_scores(hidden @ given["u"], "none")).max() < 1e-5


@pytest.mark.parametrize("shape", [["n", 10], ["n", 7, 224, 224], ["n", 224, 3]])
def test_an_input_that_is_no_photo_is_refused(shape: list[object]) -> None:
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    outcome = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [entry], [outcome])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelRefused, match="not a batch of photos"):
        find_input(ov.Core().read_model(proto.SerializeToString()))
