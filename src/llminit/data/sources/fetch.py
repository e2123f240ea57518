"""Downloads that survive a poor connection and a killed process: retried, resumed, and moved into place when whole."""

import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

from llminit.errors import EndpointError, StorageError
from llminit.progress import SILENT, Reporter, Task

CHUNK = 1 << 18
"""Bytes read at a time."""

_INTERRUPTIONS = (OSError, http.client.HTTPException)


class _IncompleteError(OSError):
    """The connection ended before the whole file came."""


def download(
    url: str,
    path: Path,
    reporter: Reporter = SILENT,
    attempts: int = 4,
    timeout: float = 5.0,
) -> Path:
    """Fetch a file, unless it is there already.

    What has come so far is kept beside it with the ending `.part`, and the next attempt or run goes on from there.

    Args:
        url: Where the file is.
        path: Where to put it.
        reporter: Told of the bytes that come.
        attempts: How often to try; the pause before a new attempt doubles from half a second.
        timeout: Seconds without an answer after which an attempt fails.

    Returns:
        `path`.

    Raises:
        EndpointError: The file cannot be fetched; the message says how to put it there by hand.
        StorageError: The file cannot be written.
    """
    if path.exists():
        return path
    part = _prepare(path)
    for attempt in range(attempts):
        try:
            _attempt(url, part, reporter, timeout)
            part.replace(path)
        except StorageError:
            raise
        except _INTERRUPTIONS as error:
            if attempt + 1 == attempts or not _may_pass(error):
                raise _unreachable(url, path, error) from error
            time.sleep(0.5 * 2**attempt)
        else:
            return path
    raise _unreachable(url, path, ValueError("no attempt was made"))


def _prepare(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot create the folder {path.parent}: {error}; choose another place") from error
    return path.with_name(f"{path.name}.part")


def _attempt(url: str, part: Path, reporter: Reporter, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            _receive(response, part, have if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0, reporter)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if _total(error.headers.get("Content-Range")) != have:
            # What is here is no beginning of what is there: start over.
            part.unlink(missing_ok=True)
            raise _IncompleteError("the partial download did not fit the file") from error


def _receive(response: http.client.HTTPResponse, part: Path, have: int, reporter: Reporter) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else 0
    with reporter.task(f"download {part.stem}", total, have) as task:
        received = have + _copy(response, part, "ab" if have else "wb", task)
    # Reading in pieces ends without an error when the connection does.
    if total and received < total:
        raise _IncompleteError(f"the connection ended after {received:,} of {total:,} bytes")


def _copy(response: http.client.HTTPResponse, part: Path, mode: str, task: Task) -> int:
    copied = 0
    with part.open(mode) as file:
        while block := response.read(CHUNK):
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise StorageError(f"cannot write {part}: {error}; free some space and run this again") from error
            copied += len(block)
            task.advance(len(block))
    return copied


def _total(content_range: str | None) -> int | None:
    found = re.fullmatch(r"bytes \*/(\d+)", content_range or "")
    return int(found[1]) if found else None


def _may_pass(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS
    return True


def _unreachable(url: str, path: Path, error: Exception) -> EndpointError:
    return EndpointError(
        f"cannot fetch {url}: {error}; check the connection and run this again, "
        f"or download it by hand and place it at {path}"
    )
