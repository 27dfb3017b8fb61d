"""The full model with OpenVINO: the backbone's own network with the head behind it. No Keras here.

Its outputs are "scores" and, because deciding needs them, "features"; in float32.
"""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as operations

from models.dense import DenseHead


def write_openvino(network_file: Path, head: DenseHead, file: Path) -> None:
    """Returns nothing; the model stands in the file (.xml) and the .bin beside it.

    Args:
        network_file: Of the backbone.
        head: Of the run.
        file: To write; its folder is there.
    """
    network = ov.Core().read_model(network_file)
    pooled = next(output for output in network.outputs if len(output.partial_shape) == 2)
    features = pooled.get_node().input_value(0)  # what goes into the result
    scores = _add_head(features, head)
    features.set_names({"features"})
    scores.set_names({"scores"})
    model = ov.Model([scores, features], network.get_parameters(), "petalscope")
    ov.save_model(model, file, compress_to_fp16=False)


def _add_head(features: ov.Output, head: DenseHead) -> ov.Output:
    values = operations.divide(operations.subtract(features, head.mean), head.scale)
    for number, (kernel, bias) in enumerate(zip(head.kernels, head.biases, strict=True), 1):
        kernel, bias = (np.asarray(array, np.float32) for array in (kernel, bias))
        values = operations.add(operations.matmul(values, kernel, False, False), bias)
        if number < len(head.kernels):
            values = operations.relu(values)
    return operations.softmax(values, 1).output(0)
