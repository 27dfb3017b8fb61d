"""The trunk: the activations that conv5 of the same network turns into the backbone's features."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from core.errors import BackboneMissing, RecipeRefused
from core.workspace import PROJECT_ROOT, Workspace
from models.backbone import Backbone, Precision, Trunk, open_trunk
from models.extraction import Photos, extract_rows
from models.keras_backbone import KerasBackbone, build_backbone, compare_features
from models.rows import CONV4, ViewSource, describe_view
from models.weights import find_weights

SOURCE = ViewSource(kind="conv4", backbone="b", precision="f32", policy="", seed=0, number=0)


@pytest.fixture(scope="module")
def trunk(trained_workspace: Workspace, backbone: Backbone) -> Trunk:
    return open_trunk(trained_workspace, backbone.facts.id)


@pytest.fixture(scope="module")
def in_keras(trained_workspace: Workspace, backbone: Backbone) -> KerasBackbone:
    """The same backbone in Keras, in float32."""
    model = build_backbone(find_weights(trained_workspace, "random"), "resnet")
    return KerasBackbone(backbone.facts, model, batch_size=8)


def look(trunk: Trunk, photos: np.ndarray) -> np.ndarray:
    size = trunk.batch_size
    batches = (photos[start : start + size] for start in range(0, len(photos), size))
    return np.concatenate(list(trunk.stream(batches)))


def test_both_trunks_see_the_same(
    trunk: Trunk, in_keras: KerasBackbone, photos: np.ndarray
) -> None:
    seen, seen_in_keras = look(trunk, photos), look(in_keras.trunk, photos)
    assert seen.shape == seen_in_keras.shape == (20, *CONV4.shape)
    assert seen.dtype == seen_in_keras.dtype == np.float16
    flat, flat_in_keras = (rows.reshape(20, -1) for rows in (seen, seen_in_keras))
    assert compare_features(flat, flat_in_keras) > 0.999
    assert seen.min() == 0


def test_conv5_turns_the_activations_into_the_features(
    trunk: Trunk, backbone: Backbone, in_keras: KerasBackbone, photos: np.ndarray
) -> None:
    resnet = next(layer for layer in in_keras._model.layers if isinstance(layer, keras.Model))
    middle = resnet.get_layer("conv4_block6_out").output
    conv5 = keras.Model(middle, keras.ops.mean(resnet.output, axis=(1, 2)))
    features = conv5.predict_on_batch(look(trunk, photos[:8]).astype(np.float32))
    assert compare_features(features, backbone.look(photos[:8]).features) > 0.999


def test_activations_are_computed_as_the_backbone_is(trunk: Trunk, backbone: Backbone) -> None:
    assert trunk.facts == backbone.facts
    assert trunk.batch_size == backbone.batch_size


def test_a_photo_looks_the_same_in_any_company(trunk: Trunk, photos: np.ndarray) -> None:
    together = look(trunk, photos)
    assert np.array_equal(look(trunk, photos[9:12]), together[9:12])


def test_no_backbone_no_trunk(workspace: Workspace) -> None:
    with pytest.raises(BackboneMissing):
        open_trunk(workspace, "0123456789abcdef")


def test_opening_a_trunk_loads_no_keras(trained_workspace: Workspace, backbone: Backbone) -> None:
    script = (
        "import pathlib, sys\n"
        "from core.workspace import Workspace\n"
        "from models.backbone import open_trunk\n"
        f"open_trunk(Workspace(pathlib.Path({str(trained_workspace.root)!r})),"
        f" {backbone.facts.id!r})\n"
        "print(sorted({'keras', 'tensorflow'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"


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
    entry = describe_view(SOURCE, "d1", np.arange(8))
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
