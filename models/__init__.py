"""ResNet-50: its weights, the frozen backbone, features, and the heads trained on them.

Keras and TensorFlow are imported only in the modules marked (keras). What has to be decided before
they or OpenVINO are imported is decided here, once: the backend, quiet start-up, no telemetry.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN announces itself whatever the log level. Heads are too small to gain by it (measured), and
# OpenVINO runs the backbone; whoever measures plain Keras on the CPU must set this to 1.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
if os.environ.get("PETALSCOPE_DEVICE") == "cpu":
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

# `import openvino` reports its use to Google Analytics unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
