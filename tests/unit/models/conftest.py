"""What tests of the models share: weights files, a backbone, a few photos, features."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from core.workspace import Workspace
from models.backbone import Backbone, backbone_id, open_backbone
from models.making import draw_probe_photos
from models.weights import find_weights

Change = Callable[[h5py.File], None]


@pytest.fixture(scope="session")
def photos() -> np.ndarray:
    """Twenty different photos (20, 224, 224, 3) uint8."""
    return draw_probe_photos(20)


@pytest.fixture(scope="session")
def backbone(trained_workspace: Workspace) -> Backbone:
    """The small backbone of the tests, for throughput."""
    return _open_backbone(trained_workspace)


@pytest.fixture(scope="session")
def resnet(resnet_workspace: Workspace) -> Backbone:
    """ResNet-50 with random weights, for throughput."""
    return _open_backbone(resnet_workspace)


def _open_backbone(workspace: Workspace) -> Backbone:
    identifier = backbone_id(find_weights(workspace, "random"), "resnet")
    return open_backbone(workspace, identifier, purpose="throughput")


@pytest.fixture(scope="session")
def layout_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file with every layer that Keras' ResNet-50 has; the kernels were never written."""
    import keras

    path = tmp_path_factory.mktemp("layout") / "resnet50_notop.h5"
    resnet = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(32, 32, 3))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in resnet.layers]
        for layer in resnet.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            for weight in layer.weights:
                group.create_dataset(f"{layer.name}/{weight.name}:0", weight.shape, "float16")
    return path


@pytest.fixture
def make_weights_file(layout_file: Path) -> Callable[..., Path]:
    """Make a weights file at a path, by default a sound one; `change` alters it."""

    def make(path: Path, change: Change | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(layout_file.read_bytes())
        if change:
            with h5py.File(path, "a") as file:
                change(file)
        return path

    return make


@pytest.fixture(autouse=True)
def no_foreign_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides the weights that this machine may have."""
    monkeypatch.delenv("PETALSCOPE_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture(scope="session")
def split_features() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Features and labels of 150 training and 40 validation photos in 4 overlapping classes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 190)
    centres = rng.normal(0, 0.2, (4, 2048))
    features = np.maximum(centres[labels] + rng.normal(0.3, 1, (190, 2048)), 0).astype(np.float32)
    return (features[:150], labels[:150]), (features[150:], labels[150:])
