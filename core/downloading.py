"""Downloads a large file over HTTP: resumed where it broke off, checked before it gets its name."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from core.errors import DISK_FULL_ERRNOS, DiskFull, DownloadFailed, PetalscopeError

_TIMEOUT_S = 30.0
_CHUNK = 1 << 18

Report = Callable[[int, int], None]


def download_file(
    address: str, target: Path, check: Callable[[Path], None], on_progress: Report | None = None
) -> None:
    """Fetch the file of an address to `target`, complete and checked.

    What came before a break is kept beside `target` and completed by the next call. Two processes
    that ask at once share one download.

    Args:
        check: Raises one of our errors when the complete file is not what it should be.
        on_progress: Told the bytes that are here and the bytes in all.

    Raises:
        DownloadFailed: The server cannot be reached, refuses, or the connection broke.
        DiskFull: There is no room for the file.
        PetalscopeError: What `check` raised; the file was removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    with FileLock(target.with_name(f".{target.name}.lock")):
        if _is_sound(target, check):
            return
        try:
            _fetch_rest(address, partial, on_progress or _report_nothing)
        except (OSError, http.client.HTTPException) as error:
            raise _describe_failure(error, address, target) from error
        try:
            check(partial)
        except PetalscopeError:
            partial.unlink()
            raise
        partial.replace(target)


def _is_sound(target: Path, check: Callable[[Path], None]) -> bool:
    if not target.is_file():
        return False
    try:
        check(target)
    except PetalscopeError:
        return False
    return True


def _fetch_rest(address: str, partial: Path, report: Report) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    try:
        request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"})
    except ValueError as error:  # not an address at all
        raise urllib.error.URLError(str(error)) from error
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            _write_rest(response, partial, start, report)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise  # otherwise everything was here already: the check decides


def _write_rest(
    response: http.client.HTTPResponse, partial: Path, start: int, report: Report
) -> None:
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        start = 0  # the server sends the whole file again
    total = start + int(response.headers.get("Content-Length") or 0)
    done = start
    with partial.open("ab") as file:
        file.truncate(start)
        while block := response.read(_CHUNK):
            file.write(block)
            done += len(block)
            report(done, max(done, total))
    if done < total:
        raise ConnectionError(f"the connection broke after {done} of {total} bytes")


def _describe_failure(
    error: OSError | http.client.HTTPException, address: str, target: Path
) -> DownloadFailed | DiskFull:
    if getattr(error, "errno", None) in DISK_FULL_ERRNOS:
        return DiskFull(
            f"The disk is full: “{target.name}” does not fit into {target.parent}.",
            "Make room, then download again: it goes on where it stopped.",
        )
    reason = getattr(error, "reason", None) or error
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answered {error.code} ({error.reason})"
    return DownloadFailed(
        f"“{target.name}” could not be downloaded: {reason}.",
        "Check the network and download again (it goes on where it stopped), "
        f"or fetch {address} elsewhere and put the file into {target.parent}.",
        reason=str(reason),
        address=address,
        folder=str(target.parent),
    )


def _report_nothing(done: int, total: int) -> None:
    """Serve callers who do not watch."""
