"""Whether an error says that the memory of a device ran out, in the words of each Keras backend."""

_SIGNS = ("RESOURCE_EXHAUSTED", "out of memory")
_TYPES = ("ResourceExhaustedError", "OutOfMemoryError", "XlaRuntimeError", "JaxRuntimeError")


def is_out_of_memory(error: Exception) -> bool:
    """Returns whether the error is that of TensorFlow, PyTorch or JAX for want of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ResourceExhaustedError" in names or "OutOfMemoryError" in names:
        return True
    return bool(names & set(_TYPES)) and any(sign in str(error) for sign in _SIGNS)
