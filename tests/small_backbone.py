"""A backbone 300 times as fast as ResNet-50, for tests that are not about ResNet-50 itself.

It lies where the program looks for the one of random weights and is opened by the program's own
code, so workers, pages and the API extract, train and predict for real, with the same shapes. Its
nodes are of the kinds that ResNet-50 has: it can be exported to ONNX.
"""

import json

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from core.config import PHOTO_SIZE
from core.workspace import Workspace, digest_file
from models.backbone import FACTS_FILE, NETWORK_FILE, BackboneFacts, backbone_id
from models.weights import find_weights

_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32).reshape(1, 3, 1, 1)


def write_small_backbone(workspace: Workspace) -> str:
    """Return the id of the backbone of random weights, which the workspace has from now on."""
    weights = find_weights(workspace, "random")
    facts = BackboneFacts(
        id=backbone_id(weights, "resnet"),
        weights_kind=weights.name,
        weights_label=weights.label,
        weights_digest=weights.digest,
        preprocessing="resnet",
        precision="f32",
        cosine=1.0,
        files={},
    )
    folder = workspace.backbone_folder(facts.id)
    folder.mkdir(parents=True)
    ov.save_model(_build_network(), folder / NETWORK_FILE, compress_to_fp16=False)
    facts.files.update({file.name: digest_file(file) for file in sorted(folder.iterdir())})
    (folder / FACTS_FILE).write_text(json.dumps(facts.describe()), encoding="utf-8")
    return facts.id


def _build_network() -> ov.Model:
    """Return photos (n, 224, 224, 3) uint8 → the map (n, 7, 7, 2048) and its mean (n, 2048)."""
    rng = np.random.default_rng(0)

    def convolve(maps: ov.Node, width: int, size: int = 1, stride: int = 1) -> ov.Node:
        inputs = maps.output(0).partial_shape[1].get_length()
        spread = np.sqrt(2 / (inputs * size**2))
        kernel = rng.normal(0, spread, (width, inputs, size, size)).astype(np.float32)
        pads = [size // 2 if size > stride else 0] * 2
        return ops.relu(ops.convolution(maps, kernel, [stride] * 2, pads, pads, [1, 1]))

    photos = ops.parameter([-1, PHOTO_SIZE, PHOTO_SIZE, 3], ov.Type.u8, name="photos")
    ends = [np.array(one) for one in ([0, 0, 0, -1], [0, 0, 0, -4], [1, 1, 1, -1])]
    blue_first = ops.strided_slice(ops.convert(photos, "f32"), *ends, [1, 1, 1, 0], [1, 1, 1, 0])
    centred = ops.subtract(ops.transpose(blue_first, np.array([0, 3, 1, 2])), _MEAN_BGR)
    conv4 = convolve(convolve(centred, 8, size=8, stride=8), 1024, size=3, stride=2)
    maps = convolve(convolve(conv4, 128, stride=2), 2048)  # conv4 is (n, 1024, 14, 14)
    maps = ops.transpose(maps, np.array([0, 2, 3, 1]))
    pooled = ops.reduce_mean(maps, np.array([1, 2]), keep_dims=False)
    return ov.Model([ops.result(maps), ops.result(pooled)], [photos], "small")
