"""ResNet-50: its weights, the frozen backbone, features, and the heads trained on them.

May be imported by every room of `core` above the ground; imports nothing of `data`. Keras and
TensorFlow are imported only in the modules marked (keras). The backend, quiet start-up and no
telemetry are set here, before they or OpenVINO are imported.
"""

import atexit
import gc
import os
import sys

# Before it ends, Python would look for garbage in a million objects of TensorFlow: 1.6 s.
atexit.register(gc.freeze)

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# oneDNN announces itself whatever the log level, and heads are too small to gain by it (measured).
# Convolutions gain threefold: who trains stages calls `prefer_convolutions` before Keras comes in.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# A GPU's memory is taken as it is needed, not all at once: others have a part in it.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# On GPUs these two give equal numbers in equal steps only when told so before they are imported.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
if os.environ["KERAS_BACKEND"] == "jax" and "deterministic" not in os.environ.get("XLA_FLAGS", ""):
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
if os.environ.get("PETALSCOPE_DEVICE") == "cpu":
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

# `import openvino` reports its use to Google Analytics unless this package cannot be imported.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def prefer_convolutions() -> None:
    """Let TensorFlow, when it is imported after this, compute for convolutions."""
    if "tensorflow" not in sys.modules:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
