"""Download a large file over HTTP; resume after an interruption, and check it before use."""

import http.client
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.errors import DISK_FULL_ERRNOS, DiskFull, DownloadFailed, PetalscopeError

_TIMEOUT_S = 30.0
_CHUNK = 1 << 18

Report = Callable[[int, int], None]


def download_file(
    address: str,
    target: Path,
    check: Callable[[Path], None],
    on_progress: Report | None = None,
    most: int | None = None,
) -> None:
    """Download the file at an address to `target`, complete and checked.

    After an interruption the next call resumes. Concurrent processes share one download.

    Args:
        check: Raises a PetalscopeError if the complete file is not the expected one.
        on_progress: Called with the bytes downloaded so far and the total.
        most: Largest size of the file in bytes.

    Raises:
        DownloadFailed: The server cannot be reached or refuses, the connection broke, or the file
            is too large.
        DiskFull: The disk is full.
        PetalscopeError: The error of `check`; the file was removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.part")
    with FileLock(target.with_name(f".{target.name}.lock")):
        with suppress(PetalscopeError):  # else it is downloaded again
            if target.is_file():
                check(target)
                return
        try:
            _fetch_rest(address, partial, on_progress, most)
        except (OSError, http.client.HTTPException) as error:
            raise _describe_failure(error, address, target) from error
        try:
            check(partial)
        except PetalscopeError:
            partial.unlink()
            raise
        partial.replace(target)


class _KeepSafe(urllib.request.HTTPRedirectHandler):
    """Refuses redirects from https to another scheme."""

    def redirect_request(
        self, req: urllib.request.Request, *rest: Any, **named: Any
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, *rest, **named)
        if new is not None and req.type == "https" != new.type:
            raise urllib.error.URLError("the server redirects from https to an unsafe address")
        return new


def _fetch_rest(address: str, partial: Path, report: Report | None, most: int | None) -> None:
    start = partial.stat().st_size if partial.exists() else 0
    try:
        request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"})
    except ValueError as error:  # not an address at all
        raise urllib.error.URLError(str(error)) from error
    try:
        opener = urllib.request.build_opener(_KeepSafe)
        with opener.open(request, timeout=_TIMEOUT_S) as response:
            _write_rest(response, partial, start, report, most)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise  # otherwise everything was here already: the check decides


def _write_rest(
    response: http.client.HTTPResponse,
    partial: Path,
    start: int,
    report: Report | None,
    most: int | None,
) -> None:
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        start = 0  # the server sends the whole file again
    total = start + int(response.headers.get("Content-Length") or 0)
    done = start
    with partial.open("ab") as file:
        file.truncate(start)
        while block := response.read(_CHUNK):
            done += len(block)
            if most is not None and max(done, total) > most:
                partial.unlink()
                raise OSError(f"the file has {max(done, total)} bytes, more than {most}")
            file.write(block)
            if report is not None:
                report(done, max(done, total))
    if done < total:
        raise ConnectionError(f"the connection broke after {done} of {total} bytes")


def _describe_failure(
    error: OSError | http.client.HTTPException, address: str, target: Path
) -> DownloadFailed | DiskFull:
    if getattr(error, "errno", None) in DISK_FULL_ERRNOS:
        return DiskFull(
            f"The disk is full: “{target.name}” does not fit into {target.parent}.",
            "Free space, then download again: it resumes where it stopped.",
        )
    reason = getattr(error, "reason", None) or error
    if isinstance(error, urllib.error.HTTPError):
        reason = f"the server answered {error.code} ({error.reason})"
    return DownloadFailed(
        f"“{target.name}” could not be downloaded: {reason}.",
        "Check the network and download again (it resumes where it stopped), "
        f"or download {address} elsewhere and put the file into {target.parent}.",
        reason=str(reason),
        address=address,
        folder=str(target.parent),
    )


_WAIT_S, _ASK_S, _TRUST_S = 0.2, 1.0, 60.0
_asked: dict[str, tuple[float, list[bool]]] = {}
"""Server → the time of the last request, and its answer, if any."""


def is_reachable(address: str) -> bool | None:
    """Return whether the server of an address answers; None until that is known.

    It is asked in the background, at most once a minute, and waited for only briefly, so that a
    page seldom changes under the pointer. Any answer shows that there is a network, even a refusal.
    """
    server, now = urllib.parse.urlsplit(address).netloc, time.monotonic()
    since, answer = _asked.get(server, (now - 2 * _TRUST_S, []))
    if now - since > _TRUST_S:
        before, answer, since = answer, [], now
        _asked[server] = (since, answer)
        asking = threading.Thread(target=_ask, args=(address, answer), daemon=True)
        asking.start()
        if before:
            return before[0]
        asking.join(_WAIT_S)
    if answer:
        return answer[0]
    return None if now - since < 2 * _ASK_S else False  # a name server may take its time


def _ask(address: str, answer: list[bool]) -> None:
    try:
        request = urllib.request.Request(address, method="HEAD")
        urllib.request.build_opener(_KeepSafe).open(request, timeout=_ASK_S).close()
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, ValueError, http.client.HTTPException):
        answer.append(False)
        return
    answer.append(True)
