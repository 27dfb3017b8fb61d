"""ResNet-50 with conv1, conv4 and conv5 of one block each, for tests of training that are not
about ResNet-50 itself: a step is traced in a fraction of the time.

Keras' own blocks, with the names, kinds and widths of ResNet-50's. It stands where the program asks
Keras for ResNet-50; weights, stages, steps, checkpoints and backbones are the program's own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

    from models.backbone import Preprocessing
    from models.weights import Weights


def use_small_resnet(replace: Callable[[object, str, Any], None] = setattr) -> None:
    """Let this process have it for ResNet-50; `replace` is that of a fixture, which undoes it."""
    import keras

    from models import making, weights_file

    replace(keras.applications, "ResNet50", build_small_resnet)
    replace(making, "_write_network", write_network)
    replace(weights_file, "STACKS", ((4, 256, 1), (5, 512, 1)))


def write_network(file: Path, weights: "Weights", preprocessing: "Preprocessing") -> None:
    """Write the network for OpenVINO in this process: another one would ask Keras for ResNet-50."""
    from models.keras_backbone import build_backbone

    build_backbone(weights, preprocessing).export(str(file), format="openvino", verbose=False)


def build_small_resnet(**how: Any) -> "keras.Model":
    """Return the network for arguments of Keras' ResNet50."""
    from keras.src.applications.resnet import ResNet, residual_block_v1

    def stack(maps: "keras.KerasTensor") -> "keras.KerasTensor":
        maps = residual_block_v1(maps, 256, stride=4, name="conv4_block1")
        return residual_block_v1(maps, 512, stride=2, name="conv5_block1")

    return ResNet(stack, preact=False, use_bias=True, name="resnet50", **how)
