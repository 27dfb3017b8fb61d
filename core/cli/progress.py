"""Progress on stderr: one line that rewrites itself on a terminal, sparse lines elsewhere."""

import shutil
import time
from types import TracebackType
from typing import Self, TextIO

_TERMINAL_INTERVAL_S = 0.1
_LOG_INTERVAL_S = 5.0


class ProgressLine:
    """Shows how far the phase that is going has come; a new phase begins a new line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rewrites = stream.isatty()
        self._phase: str | None = None
        self._shown_at = 0.0
        self._line_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_line()

    def advance(self, phase: str, done: int, total: int, rest: str = "") -> None:
        """Show "<phase> 1,200 of 3,670 (33 %) <rest>", not more often than can be read."""
        now = time.monotonic()
        interval = _TERMINAL_INTERVAL_S if self._rewrites else _LOG_INTERVAL_S
        new_phase = phase != self._phase
        if not new_phase and now - self._shown_at < interval and done != total:
            return
        if new_phase:
            self._close_line()
        self._phase, self._shown_at = phase, now
        of_total = f" of {total:,} ({100 * done // total} %)" if total else ""
        text = f"{phase}: {done:,}{of_total}"
        self._show(f"{text}, {rest}" if rest else text)

    def note(self, text: str) -> None:
        """Show a line that stays."""
        self._close_line()
        self._phase = None
        print(text, file=self._stream, flush=True)

    def _show(self, text: str) -> None:
        if not self._rewrites:
            print(text, file=self._stream, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{text[:width]}")
        self._stream.flush()
        self._line_open = True

    def _close_line(self) -> None:
        if self._line_open:
            self._stream.write("\n")
            self._line_open = False
