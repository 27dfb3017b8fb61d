"""The device that is named, and why that one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import PetalscopeError
from core.runs.recipe.strategies import suggest_precision
from core.workspace import PROJECT_ROOT
from models import devices
from models.devices import describe_gpu, find_device, is_out_of_memory


def test_the_cpu_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("PETALSCOPE_DEVICE", "auto")
    device = find_device()
    assert device.kind == "cpu"
    assert device.name
    assert device.cores >= 1
    assert "CUDA_VISIBLE_DEVICES" in device.reason


def test_the_cpu_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETALSCOPE_DEVICE", "cpu")
    device = find_device()
    assert (device.kind, device.reason) == ("cpu", "PETALSCOPE_DEVICE is cpu")


def test_a_gpu_that_is_demanded_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("PETALSCOPE_DEVICE", "gpu")
    with pytest.raises(PetalscopeError, match="CUDA_VISIBLE_DEVICES"):
        find_device()


@pytest.fixture
def listed_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver that lists a GPU; Keras' backend sees the CPU alone, as with a broken CUDA."""

    @contextmanager
    def open_gpus() -> Iterator[list[Any]]:
        yield ["a GPU"]

    memory = SimpleNamespace(total=16_000_000_000)
    monkeypatch.setattr(devices, "open_gpus", open_gpus)
    monkeypatch.setattr(devices.pynvml, "nvmlDeviceGetMemoryInfo", lambda _: memory)
    monkeypatch.setenv("PETALSCOPE_DEVICE", "auto")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices._find_gpu.cache_clear()
    yield
    devices._find_gpu.cache_clear()


@pytest.mark.usefixtures("listed_gpu")
def test_a_gpu_that_the_backend_does_not_see_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = keras.backend.backend()
    device = find_device()
    assert device.kind == "cpu"
    assert f"there is a GPU, but {backend} finds no GPU" in device.reason
    monkeypatch.setenv("PETALSCOPE_DEVICE", "gpu")
    with pytest.raises(PetalscopeError, match=f"{backend} finds no GPU"):
        find_device()


def test_what_goes_wrong_while_it_computes_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_name_gpu", lambda _: {"name": "a GPU", "capability": [9, 0]})
    assert describe_gpu() == {"name": "a GPU", "capability": [9, 0]}  # computed here on the CPU

    def fail(*_: object) -> None:
        raise RuntimeError("Could not load library libcudnn_cnn.so")

    monkeypatch.setattr(keras.ops, "conv", fail)
    assert "libcudnn_cnn" in describe_gpu()["obstacle"]
    monkeypatch.setattr(keras.ops, "conv", lambda *_: np.zeros(3, np.float32))
    assert "results are wrong" in describe_gpu()["obstacle"]


@pytest.mark.usefixtures("listed_gpu")
def test_a_backend_that_dies_when_asked_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # not imported here: a process would be asked
    monkeypatch.setattr(devices.sys, "executable", "/bin/false")
    assert "torch did not respond" in find_device().reason


@pytest.mark.usefixtures("listed_gpu")
@pytest.mark.parametrize(
    ("capability", "half", "precision"),
    [
        ([7, 0], "float16", "mixed"),
        ([7, 5], "float16", "mixed"),
        ([8, 0], "bfloat16", "mixed"),
        ([9, 0], "bfloat16", "mixed"),
        ([6, 1], "", "float32"),
    ],
)
def test_half_precision_is_what_the_gpu_has(
    capability: list[int], half: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"name": "a GPU", "capability": capability}
    monkeypatch.setattr(devices, "_ask_backend", lambda _: told)
    device = find_device()
    assert (device.kind, device.name, device.half) == ("gpu", "a GPU", half)
    assert suggest_precision("full", device.kind, device.half) == precision
    assert suggest_precision("head", device.kind, device.half) == "float32"


def test_memory_of_a_gpu_is_taken_as_it_is_needed() -> None:
    script = "import models, os; print(*(os.environ[name] for name in {names}))"
    names = ["TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"]
    command = [sys.executable, "-c", script.format(names=names)]
    environment = {name: text for name, text in os.environ.items() if name not in names}
    told = subprocess.check_output(command, cwd=PROJECT_ROOT, env=environment, text=True)
    assert told.split() == ["true", "false"]


class OutOfMemoryError(RuntimeError):
    """As PyTorch's, by its name."""


class JaxRuntimeError(RuntimeError):
    """As JAX's, by its name."""


def test_tensorflow_runs_out_of_memory() -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError) as caught:
        tf.zeros((1 << 22, 1 << 22)).numpy()
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 17592186044416 bytes."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate"),
    ],
)
def test_the_words_of_the_other_backends(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes do not match"),
        JaxRuntimeError("INVALID_ARGUMENT: nothing of the kind"),
        ValueError("out of memory"),  # no error of a device
    ],
)
def test_other_errors_are_none(error: Exception) -> None:
    assert not is_out_of_memory(error)
