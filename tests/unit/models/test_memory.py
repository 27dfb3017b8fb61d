"""Errors that say that memory ran out: a real one of TensorFlow, and the words of the others."""

import pytest
import tensorflow as tf

from models.devices import is_out_of_memory


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
