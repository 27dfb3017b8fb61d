"""ResNet-50 with conv1, conv4 and conv5 of one block each, for tests of training that are not
about ResNet-50 itself: a step is traced in a fraction of the time.

Keras' own blocks, with the names, kinds and widths of ResNet-50's. It stands where the program asks
Keras for ResNet-50; weights, stages, steps, checkpoints and backbones are the program's own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def use_small_resnet(replace: Callable[[object, str, Any], None] = setattr) -> None:
    """Let this process have it for ResNet-50; `replace` is that of a fixture, which undoes it."""
    import keras

    from models import weights_file

    replace(keras.applications, "ResNet50", build_small_resnet)
    replace(weights_file, "STACKS", ((4, 256, 1), (5, 512, 1)))


def build_small_resnet(**how: Any) -> "keras.Model":
    """Return the network for arguments of Keras' ResNet50."""
    from keras.src.applications.resnet import ResNet, residual_block_v1

    def stack(maps: "keras.KerasTensor") -> "keras.KerasTensor":
        maps = residual_block_v1(maps, 256, stride=4, name="conv4_block1")
        return residual_block_v1(maps, 512, stride=2, name="conv5_block1")

    return ResNet(stack, preact=False, use_bias=True, name="resnet50", **how)
