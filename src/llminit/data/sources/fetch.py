"""Downloads that survive a poor connection and a killed process.

They are retried, resumed, checked against their SHA-256, and moved into place when whole.
"""

import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path
from time import sleep

from llminit.checksums import sha256_of_file
from llminit.data.sources.trust import is_sound
from llminit.errors import EndpointError, StorageError
from llminit.progress import SILENT, Reporter, Task
from llminit.recorded_digests import record_digest, record_of, recorded_digest

CHUNK = 1 << 18
"""Bytes read at a time."""

_INTERRUPTIONS = (OSError, http.client.HTTPException)


class _IncompleteError(OSError):
    """The connection ended before the whole file was received."""


def download(
    url: str,
    path: Path,
    reporter: Reporter = SILENT,
    attempts: int = 4,
    timeout: float = 5.0,
    sha256: str | None = None,
) -> Path:
    """Fetch a file, unless it exists already, and check its digest.

    The part received so far is kept beside it with the ending `.part`, and the next attempt or run resumes from it. An
    existing file that is damaged is fetched again.

    Args:
        url: Address of the file.
        path: Path to save it at.
        reporter: Receives progress in bytes.
        attempts: Number of attempts; the pause before a new attempt doubles from half a second.
        timeout: Seconds without an answer after which an attempt fails.
        sha256: The file's digest, in hexadecimal. If None, the digest of the first download is recorded beside
            the file with the ending `.sha256`, and later downloads must match it.

    Returns:
        `path`.

    Raises:
        EndpointError: The file cannot be fetched or its digest is wrong; the message says how to place it by hand.
        StorageError: The file cannot be written.
    """
    expected = sha256 or recorded_digest(path)
    if path.exists() and is_sound(path, expected, reporter):
        return path
    part = _prepare(path)
    was_begun = part.exists()
    digest = _fetch(url, path, part, reporter, attempts, timeout)
    if was_begun and expected not in (None, digest):
        # The part of an earlier run may be of another version: fetch once more, from the start.
        part.unlink()
        digest = _fetch(url, path, part, reporter, attempts, timeout)
    if expected not in (None, digest):
        part.unlink()
        raise _wrong_digest(url, path, digest, sha256)
    try:
        part.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}; check the permissions or choose another path") from error
    if expected is None:
        record_digest(path, digest)
    return path


def _fetch(url: str, path: Path, part: Path, reporter: Reporter, attempts: int, timeout: float) -> str:
    """Complete the partial file and return its SHA-256."""
    for attempt in range(attempts):
        try:
            _attempt(url, part, reporter, timeout)
        except StorageError:
            raise
        except _INTERRUPTIONS as error:
            if attempt + 1 == attempts or not _is_temporary(error):
                raise _unreachable(url, path, error) from error
            sleep(0.5 * 2**attempt)
        else:
            return sha256_of_file(part)
    raise _unreachable(url, path, ValueError("no attempt was made"))


def _prepare(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot create the folder {path.parent}: {error}; choose another path") from error
    return path.with_name(f"{path.name}.part")


def _attempt(url: str, part: Path, reporter: Reporter, timeout: float) -> None:
    n_received = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={n_received}-"} if n_received else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            _receive(response, part, n_received if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0, reporter)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if _total(error.headers.get("Content-Range")) != n_received:
            # The part is not the beginning of the file on the server: start over.
            part.unlink(missing_ok=True)
            raise _IncompleteError("the partial download did not fit the file") from error


def _receive(response: http.client.HTTPResponse, part: Path, n_received: int, reporter: Reporter) -> None:
    length = response.headers.get("Content-Length")
    total = n_received + int(length) if length else 0
    with reporter.task(f"download {part.stem}", total, n_received) as task:
        n_received += _copy(response, part, "ab" if n_received else "wb", task)
    # Reading in blocks does not raise an error when the connection ends early.
    if total and n_received < total:
        raise _IncompleteError(f"the connection ended after {n_received:,} of {total:,} bytes")


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
    match = re.fullmatch(r"bytes \*/(\d+)", content_range or "")
    return int(match[1]) if match else None


def _is_temporary(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS
    return True


def _unreachable(url: str, path: Path, error: Exception) -> EndpointError:
    return EndpointError(
        f"cannot fetch {url}: {error}; check the connection and run this again, "
        f"or download it by hand and place it at {path}"
    )


def _wrong_digest(url: str, path: Path, digest: str, known: str | None) -> EndpointError:
    if known is not None:
        return EndpointError(
            f"{url} gave a file with the SHA-256 {digest}, expected {known}; its publisher has replaced it or "
            f"something on the way has changed it: try another network, or place the right file at {path}"
        )
    return EndpointError(
        f"{url} gave a file with the SHA-256 {digest}, expected that of the first download, {recorded_digest(path)}; "
        f"if its publisher has replaced it and you trust the new one, remove {record_of(path)} and run this again"
    )
