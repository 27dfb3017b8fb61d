"""The frozen backbone: the same answers whichever way it is asked, in OpenVINO and in Keras."""

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from core.errors import BackboneMissing, RecipeRefused
from core.workspace import PROJECT_ROOT, Workspace
from models import keras_backbone
from models.backbone import (
    NETWORK_FILE,
    Backbone,
    Precision,
    Trunk,
    backbone_exists,
    backbone_id,
    compile_model,
    open_backbone,
)
from models.devices import find_device
from models.extraction import Photos, extract_rows
from models.keras_backbone import KerasBackbone, build_backbone, open_keras_backbone
from models.making import compare_features, draw_probe_photos, make_backbone
from models.rows import CONV4, describe_view
from models.weights import Weights, find_weights


def cut(photos: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the photos in batches."""
    return (photos[start : start + size] for start in range(0, len(photos), size))


def test_a_look_gives_maps_and_their_mean(backbone: Backbone, photos: np.ndarray) -> None:
    look = backbone.look(photos[:3])
    assert look.maps.shape == (3, 7, 7, 2048)
    assert look.features.shape == (3, 2048)
    assert look.maps.dtype == look.features.dtype == np.float32
    scale = np.abs(look.features).max()
    np.testing.assert_allclose(look.maps.mean(axis=(1, 2)), look.features, atol=2e-3 * scale)


def test_a_photo_looks_the_same_in_any_company(backbone: Backbone, photos: np.ndarray) -> None:
    together = backbone.look(photos).features
    alone = np.concatenate([backbone.look(photo[None]).features for photo in photos[:9]])
    assert np.array_equal(together[:9], alone)


def test_a_stream_keeps_the_order(backbone: Backbone, photos: np.ndarray) -> None:
    many = photos[::-1]
    streamed = np.concatenate(list(backbone.stream(cut(many, backbone.batch_size))))
    assert np.array_equal(streamed, backbone.look(many).features)


def test_a_stream_can_be_left_early(backbone: Backbone, photos: np.ndarray) -> None:
    stream = backbone.stream(cut(photos, 2))
    first = next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert np.array_equal(first, backbone.look(photos[:2]).features)


def test_a_batch_that_is_too_large_is_refused(backbone: Backbone, photos: np.ndarray) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        list(backbone.stream([photos]))


def test_one_photo_at_a_time_gives_the_same(
    trained_workspace: Workspace, backbone: Backbone, photos: np.ndarray
) -> None:
    single = open_backbone(trained_workspace, backbone.facts.id, purpose="latency")
    assert single.batch_size == 1
    few = photos[:4]
    assert compare_features(single.look(few).features, backbone.look(few).features) > 0.9999


def test_the_facts_say_what_it_is(trained_workspace: Workspace, backbone: Backbone) -> None:
    weights = find_weights(trained_workspace, "random")
    facts = backbone.facts
    assert facts.id == backbone_id(weights, "resnet") != backbone_id(weights, "unit")
    assert (facts.weights_kind, facts.weights_label) == ("random", "random")
    assert facts.weights_digest == weights.digest
    assert facts.cosine >= 0.999


@pytest.mark.slow
def test_an_altered_backbone_is_made_again(resnet_copy: Workspace, resnet: Backbone) -> None:
    folder = resnet_copy.backbone_folder(resnet.facts.id)
    network = folder / "backbone.bin"
    content = network.read_bytes()
    network.unlink()  # it is a link to that of other tests
    network.write_bytes(content[:-8] + b"altered!")
    assert not backbone_exists(resnet_copy, resnet.facts.id)
    with pytest.raises(BackboneMissing):
        open_backbone(resnet_copy, resnet.facts.id, purpose="latency")
    make_backbone(resnet_copy, find_weights(resnet_copy, "random"), "resnet")
    # Random weights are drawn from a seed: this process drew what the worker had drawn.
    assert network.read_bytes() == content


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"id": 1})])
def test_unreadable_facts_count_as_no_backbone(
    trained_copy: Workspace, backbone: Backbone, content: str
) -> None:
    file = trained_copy.backbone_folder(backbone.facts.id) / "backbone.json"
    file.write_text(content)
    assert not backbone_exists(trained_copy, backbone.facts.id)


@pytest.fixture(scope="module")
def pretrained(layout_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file with other values than Keras starts from, as from a training."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("pretrained") / "mine.h5"
    path.write_bytes(layout_file.read_bytes())
    with h5py.File(path, "a") as file:

        def fill(name: str, weight: object) -> None:
            if not isinstance(weight, h5py.Dataset):
                return
            spread = np.prod(weight.shape[:-1]) ** -0.5 if "kernel" in name else 0.1
            centre = 1.0 if "gamma" in name or "variance" in name else 0.0
            drawn = rng.standard_normal(weight.shape, np.float32) * spread + centre
            weight[...] = np.abs(drawn) if "variance" in name else drawn

        file.visititems(fill)
    return path


@pytest.fixture
def weights(workspace: Workspace, pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    monkeypatch.setenv("PETALSCOPE_WEIGHTS", str(pretrained))
    return find_weights(workspace)


@pytest.mark.slow
def test_openvino_and_both_ways_of_keras_agree(
    workspace: Workspace, weights: Weights, photos: np.ndarray
) -> None:
    few = photos[:5]
    resnet = keras.applications.ResNet50(include_top=False, weights=weights.file, pooling="avg")
    prepared = keras.applications.resnet.preprocess_input(few.astype(np.float32))
    expected = resnet.predict_on_batch(prepared)

    identifier = make_backbone(workspace, weights, "resnet")
    converted = open_backbone(workspace, identifier, purpose="throughput")
    assert converted.facts.weights_label == "pretrained: mine.h5"
    assert compare_features(converted.look(few).features, expected) > 0.999
    network = workspace.backbone_folder(identifier) / NETWORK_FILE
    full = Backbone(converted.facts, compile_model(network, "f32", "throughput"))
    np.testing.assert_allclose(full.look(few).features, expected, atol=1e-4 * expected.max())

    on_keras = open_keras_backbone(weights, "resnet", batch_size=2)
    assert open_keras_backbone(weights, "resnet", batch_size=2) is on_keras  # made once
    assert on_keras.trunk is on_keras.trunk
    assert on_keras.facts.id == identifier
    assert on_keras.facts.precision in ("f16", "f32")
    streamed = np.concatenate(list(on_keras.stream(cut(few, 2))))
    assert streamed.dtype == np.float32
    assert compare_features(streamed, expected) > 0.999
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("memory", "batch_size"), [(4_000_000_000, 64), (80_000_000_000, 256)])
def test_a_gpu_without_units_for_half_precision_computes_in_float32(
    memory: int, batch_size: int, weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = dataclasses.replace(find_device(), kind="gpu", half="", memory_bytes=memory)
    monkeypatch.setattr(keras_backbone, "find_device", lambda: device)
    inputs = keras.Input((2, 2, 3))
    tiny = keras.Model(inputs, {"pooled": keras.ops.mean(inputs, axis=(1, 2))})
    monkeypatch.setattr(keras_backbone, "build_backbone", lambda *_, **__: tiny)
    opened = open_keras_backbone.__wrapped__(weights, "resnet")
    assert (opened.facts.precision, opened.facts.cosine) == ("f32", 1)
    assert opened.batch_size == batch_size


@pytest.mark.slow
def test_unit_is_red_green_blue_in_zero_to_one(weights: Weights, photos: np.ndarray) -> None:
    few = photos[:2]
    resnet = keras.applications.ResNet50(include_top=False, weights=weights.file, pooling="avg")
    expected = resnet.predict_on_batch(few.astype(np.float32) / 255)
    given = build_backbone(weights, "unit").predict_on_batch(few)["pooled"]
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_opening_a_backbone_loads_no_keras_and_tells_nobody(
    trained_workspace: Workspace, backbone: Backbone
) -> None:
    script = (
        "import pathlib, sys\n"
        "from core.workspace import Workspace\n"
        "from models.backbone import open_backbone\n"
        f"workspace = Workspace(pathlib.Path({str(trained_workspace.root)!r}))\n"
        f"open_backbone(workspace, {backbone.facts.id!r}, purpose='latency')\n"
        "loaded = {name for name, module in sys.modules.items() if module}\n"
        "print(sorted(loaded & {'keras', 'tensorflow', 'openvino_telemetry'}))\n"
    )
    environment = {name: os.environ[name] for name in ("PATH",)}
    loaded = subprocess.check_output(
        [sys.executable, "-c", script], cwd=PROJECT_ROOT, env=environment, text=True
    )
    assert loaded.strip() == "[]"


def test_probe_photos_differ_and_the_cosine_notices() -> None:
    probes = draw_probe_photos()
    assert probes.shape == (8, 224, 224, 3)
    assert len({probe.tobytes() for probe in probes}) == 8
    same = np.eye(3, 2048)
    assert compare_features(same, same) == pytest.approx(1)
    assert compare_features(same, np.roll(same, 1, axis=0)) == pytest.approx(0)
    assert np.isnan(compare_features(np.full_like(same, np.inf), same))


@pytest.fixture(scope="module")
def trunk(trained_workspace: Workspace, backbone: Backbone) -> Trunk:
    return open_backbone(trained_workspace, backbone.facts.id, purpose="throughput", is_trunk=True)


@pytest.fixture(scope="module")
def resnet_trunk(resnet_workspace: Workspace, resnet: Backbone) -> Trunk:
    return open_backbone(resnet_workspace, resnet.facts.id, purpose="throughput", is_trunk=True)


@pytest.fixture(scope="module")
def in_keras(resnet_workspace: Workspace, resnet: Backbone) -> KerasBackbone:
    """ResNet-50 in Keras, in float32."""
    model = build_backbone(find_weights(resnet_workspace, "random"), "resnet")
    return KerasBackbone(resnet.facts, model, batch_size=8)


def look(trunk: Trunk, photos: np.ndarray) -> np.ndarray:
    size = trunk.batch_size
    batches = (photos[start : start + size] for start in range(0, len(photos), size))
    return np.concatenate(list(trunk.stream(batches)))


@pytest.mark.slow
def test_both_trunks_see_the_same(
    resnet_trunk: Trunk, in_keras: KerasBackbone, photos: np.ndarray
) -> None:
    seen, seen_in_keras = look(resnet_trunk, photos), look(in_keras.trunk, photos)
    assert seen.shape == seen_in_keras.shape == (20, *CONV4.shape)
    assert seen.dtype == seen_in_keras.dtype == np.float16
    flat, flat_in_keras = (rows.reshape(20, -1) for rows in (seen, seen_in_keras))
    assert compare_features(flat, flat_in_keras) > 0.999
    assert seen.min() == 0


@pytest.mark.slow
def test_conv5_turns_the_activations_into_the_features(
    resnet_trunk: Trunk, resnet: Backbone, in_keras: KerasBackbone, photos: np.ndarray
) -> None:
    network = next(layer for layer in in_keras._model.layers if isinstance(layer, keras.Model))
    middle = network.get_layer("conv4_block6_out").output
    conv5 = keras.Model(middle, keras.ops.mean(network.output, axis=(1, 2)))
    features = conv5.predict_on_batch(look(resnet_trunk, photos[:8]).astype(np.float32))
    assert compare_features(features, resnet.look(photos[:8]).features) > 0.999


def test_activations_are_computed_as_the_backbone_is(trunk: Trunk, backbone: Backbone) -> None:
    assert trunk.facts == backbone.facts
    assert trunk.batch_size == backbone.batch_size


def test_a_photo_gives_the_trunk_the_same_in_any_company(trunk: Trunk, photos: np.ndarray) -> None:
    together = look(trunk, photos)
    assert np.array_equal(look(trunk, photos[9:12]), together[9:12])


class LoudTrunk:
    """A trunk whose activations grow from photo to photo, past what float16 can say."""

    batch_size = 4

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for number, batch in enumerate(batches):
            with np.errstate(over="ignore"):
                loud = np.full((len(batch), *CONV4.shape), 40_000.0 * (number + 1), np.float32)
                yield loud.astype(np.float16)


def test_activations_beyond_float16_are_refused(
    workspace: Workspace, tmp_path: Path, photos: np.ndarray
) -> None:
    np.save(tmp_path / "images.npy", photos)
    entry = describe_view({"dataset": "d1", "view": "conv4"}, np.arange(8))
    chosen = Photos(tmp_path / "images.npy", np.arange(8))
    with pytest.raises(RecipeRefused, match="full"):
        extract_rows(workspace, entry, chosen, LoudTrunk())


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_the_network_writes_infinity_for_what_is_too_large(precision: Precision) -> None:
    import openvino as ov
    from openvino import opset13 as operations

    numbers = operations.parameter([3], dtype=np.float32)
    halves = operations.convert(operations.relu(numbers), "f16")
    hints = {"INFERENCE_PRECISION_HINT": precision}
    network = ov.Core().compile_model(ov.Model([halves], [numbers]), "CPU", hints)
    assert network([np.array([-1, 2, 70_000], np.float32)])[0].tolist() == [0, 2, np.inf]
