"""Whether an error says that the memory of a device ran out, in the words of each Keras backend."""

_ALWAYS = {"ResourceExhaustedError", "OutOfMemoryError"}
"""Of TensorFlow and PyTorch, whatever they say."""

_BY_WORDS = {"XlaRuntimeError", "JaxRuntimeError", "InternalError", "RuntimeError"}
"""Of any backend, for many reasons; PyTorch's RuntimeError also for memory of the host."""

_SIGNS = (
    "RESOURCE_EXHAUSTED",
    "out of memory",
    "Out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether the error is that of TensorFlow, PyTorch or JAX for want of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _ALWAYS:
        return True
    return bool(names & _BY_WORDS) and any(sign in str(error) for sign in _SIGNS)
