"""A large file for a download button: mapped, not read, so that the page server does not hold it.

Streamlit keeps what a download button gives in its memory until the session ends. A view of a
mapped file takes part in all it does with bytes, and the system may drop its pages at any time.
"""

import io
import mmap
from pathlib import Path


class MappedFile(io.RawIOBase):
    """The content of a file, read as a whole."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        with path.open("rb") as file:
            self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Returns 0: it is only ever read from its beginning."""
        del offset, whence
        return 0

    def read(self, size: int = -1) -> bytes:
        """Returns all of the content, as a view."""
        del size
        return self._view  # type: ignore[return-value]  # used like bytes, and copied nowhere
