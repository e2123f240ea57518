"""One process at a time, with real processes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from llminit.errors import StorageError
from llminit.locks import exclusive_lock
from planted import everything_under

REFUSAL = "somebody is at work here; wait"
HOLD = """
import sys
from pathlib import Path
from llminit.locks import exclusive_lock

with exclusive_lock(Path(sys.argv[1]), "somebody is at work here; wait"):
    print("held", flush=True)
    sys.stdin.readline()
"""
# Whoever holds the lock makes a folder, which fails if another holder has made it.
CONTEND = """
import sys
from pathlib import Path
from llminit.errors import StorageError
from llminit.locks import exclusive_lock

lock_file, marker, held = Path(sys.argv[1]), Path(sys.argv[2]), 0
while held < int(sys.argv[3]):
    try:
        with exclusive_lock(lock_file, "refused"):
            marker.mkdir()
            marker.rmdir()
            held += 1
    except StorageError as error:
        if str(error) != "refused":
            raise
"""


def start(script: str, *arguments: Any) -> "subprocess.Popen[str]":
    """Run a script as a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


@contextmanager
def held_elsewhere(lock_file: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process holds the lock until it ends."""
    process = start(HOLD, lock_file)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n", process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_at_once(tmp_path: Path) -> None:
    """It gets the caller's message without waiting; when the first has ended, the lock is free and its file gone."""
    lock_file = tmp_path / "deep" / ".lock"
    with held_elsewhere(lock_file) as holder:
        started = time.monotonic()
        with pytest.raises(StorageError, match=REFUSAL), exclusive_lock(lock_file, REFUSAL):
            pass
        assert time.monotonic() - started < 1
        assert everything_under(tmp_path) == {"deep": None, "deep/.lock": b""}
        assert holder.communicate("done\n", timeout=60) == ("", "")
        assert holder.returncode == 0
    assert everything_under(tmp_path) == {}
    with exclusive_lock(lock_file, REFUSAL):
        pass


def test_a_killed_process_keeps_nobody_out(tmp_path: Path) -> None:
    """After SIGKILL its file is still there and means nothing; the next holder removes it."""
    with held_elsewhere(tmp_path / ".lock") as holder:
        holder.send_signal(signal.SIGKILL)
        assert holder.wait(60) == -signal.SIGKILL
        assert everything_under(tmp_path) == {".lock": b""}
        with exclusive_lock(tmp_path / ".lock", REFUSAL):
            pass
    assert everything_under(tmp_path) == {}


def test_never_two_at_once(tmp_path: Path) -> None:
    """Processes that take and leave the lock all the time, and remove its file each time, are never in it together."""
    processes = [start(CONTEND, tmp_path / ".lock", tmp_path / "marker", 100) for _ in range(3)]
    for process in processes:
        _, messages = process.communicate(timeout=120)
        assert process.returncode == 0, messages
    assert everything_under(tmp_path) == {}


def test_threads_are_kept_apart_too(tmp_path: Path) -> None:
    """A second call in the same process is refused, in the same thread and in another one."""
    refused: list[str] = []

    def attempt() -> None:
        try:
            with exclusive_lock(tmp_path / ".lock", REFUSAL):
                pass
        except StorageError as error:
            refused.append(str(error))

    with exclusive_lock(tmp_path / ".lock", REFUSAL):
        attempt()
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    assert refused == [REFUSAL, REFUSAL]


def test_what_goes_wrong_inside_passes_on(tmp_path: Path) -> None:
    """An error of the work itself is not taken for one of the lock, and the lock is free afterwards."""
    with pytest.raises(OSError, match="no more processes"), exclusive_lock(tmp_path / "r" / ".lock", REFUSAL):
        raise OSError("no more processes")
    with exclusive_lock(tmp_path / "r" / ".lock", REFUSAL):
        pass


def test_folders_are_made_and_removed_if_nothing_is_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that the lock needed go with it, unless the work put something there, whatever the working folder is."""
    (tmp_path / "kept").mkdir()
    monkeypatch.chdir(tmp_path)
    with exclusive_lock(Path("kept/a/b/.lock"), REFUSAL):
        monkeypatch.chdir(tmp_path / "kept")
    assert everything_under(tmp_path) == {"kept": None}
    with exclusive_lock(tmp_path / "a" / "b" / ".lock", REFUSAL):
        (tmp_path / "a" / "result").write_bytes(b"1")
    assert everything_under(tmp_path) == {"kept": None, "a": None, "a/result": b"1"}


@pytest.mark.parametrize("in_the_way", ["a file for a folder", "a folder for the file"])
def test_a_place_that_cannot_be_written(tmp_path: Path, in_the_way: str) -> None:
    """The error names the lock file and what to do; what is there stays."""
    if in_the_way == "a file for a folder":
        (tmp_path / "r").write_bytes(b"mine")
    else:
        (tmp_path / "r" / ".lock").mkdir(parents=True)
    before = everything_under(tmp_path)
    with (
        pytest.raises(StorageError, match=r"cannot write and lock .*r/\.lock.*choose another path"),
        exclusive_lock(tmp_path / "r" / ".lock", REFUSAL),
    ):
        pass
    assert everything_under(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """A folder that may not be written is a clear error."""
    (tmp_path / "r").mkdir(mode=0o555)
    with pytest.raises(StorageError, match="check the permissions"), exclusive_lock(tmp_path / "r" / ".lock", REFUSAL):
        pass


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Where the system has no locks, that is an error, and not a lock that outlives a killed process."""

    def no_locks(_file: IO[Any] | int, _operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(StorageError, match="on a file system that has locks"),
        exclusive_lock(tmp_path / ".lock", REFUSAL),
    ):
        pass


def test_a_lock_that_was_removed_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who locks a file that its last holder has just removed would be alone with a file that nobody else opens."""
    real, lock_file = fcntl.flock, tmp_path / ".lock"

    def removed_just_before(file: int, operation: int) -> None:
        lock_file.unlink(missing_ok=True)
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", removed_just_before)
    with pytest.raises(StorageError, match=REFUSAL), exclusive_lock(lock_file, REFUSAL):
        pass
