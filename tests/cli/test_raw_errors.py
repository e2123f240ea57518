"""What the system refuses comes out as one line that says what to do, never as a traceback."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from llminit import Recommender
from llminit.cli.main import main
from llminit.errors import ArtefactError
from llminit.results import ResultsFolder, open_results
from synthetic_results import SMALL, write_results


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_letters_that_the_output_cannot_hold(fitted: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """In a pipe of a Windows code page, titles of other scripts are shown as escapes, and JSON stays JSON."""

    def printed(*options: str) -> str:
        pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", pipe)
            assert main(["recommend", str(fitted), "--user", "1", *options]) == 0
            pipe.flush()
        return pipe.buffer.getvalue().decode(encoding)

    assert "\\u65e5\\u672c" in printed()
    assert "日本" in json.loads(printed("--json"))["recommendations"][0]["title"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", [["--all"], ["--user", "1", "--json"]])
def test_an_output_without_room(fitted: Path, options: list[str]) -> None:
    """Where the output cannot be written, one line says so, and the exit code is 2."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "llminit", "recommend", str(fitted), *options]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device; check the path, its permissions and the free space" in done.stderr


@pytest.mark.parametrize("closed", ["", "cells"])
def test_results_that_may_not_be_read(tmp_path: Path, nobody: Callable[[], None], closed: str) -> None:
    """A results folder without permission is named as such; it is not taken for one without results."""
    folder = write_results(tmp_path / "r", SMALL).path
    (folder / closed).chmod(0o000)
    nobody()
    with pytest.raises(ArtefactError, match=r"cannot be read .*Permission denied.*check the path and its permissions"):
        open_results(folder).cells()
    if closed:
        with pytest.raises(ArtefactError, match="Permission denied"):
            ResultsFolder(folder).failures()


def test_a_recommender_that_may_not_be_read(tmp_path: Path, nobody: Callable[[], None]) -> None:
    """A recommender without permission, or below a folder without it, is named as such."""
    (tmp_path / "closed" / "r").mkdir(parents=True)
    (tmp_path / "closed" / "r" / "manifest.json").write_text("{}")
    for folder in (tmp_path / "closed" / "r", tmp_path / "closed"):
        folder.chmod(0o000)
    nobody()
    with pytest.raises(ArtefactError, match=r"cannot be read .*Permission denied"):
        Recommender.load(tmp_path / "closed" / "r")


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal of POSIX systems")
def test_an_interrupted_fit_leaves_no_temporary_files(fit_options: list[str], tmp_path: Path) -> None:
    """Ctrl-C in the middle of training leaves the state to continue from, and nothing else."""
    options = [*fit_options, "--epochs", "5000", "--patience", "5000", "--checkpoint-seconds", "0"]
    command = [sys.executable, "-m", "llminit", "fit", *options, "--out", str(tmp_path / "r")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
    checkpoint, limit = tmp_path / ".r.checkpoint.safetensors", time.monotonic() + 90
    while not checkpoint.exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=90)
    assert process.returncode == 130, messages
    assert "interrupted; what is finished is kept" in messages
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]
