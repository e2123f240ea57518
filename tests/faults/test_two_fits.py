"""Two real `llminit fit` processes with one `--out`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from llminit import Recommender
from planted import plant

EPOCHS = 30


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    """Begin to fit the tables of a folder."""
    files = [f"--{table}={folder}/{table}.parquet" for table in ("interactions", "items", "embeddings")]
    training = ["--embedding-size=8", f"--epochs={EPOCHS}", "--patience=1000", "--threads=1", "--checkpoint-seconds=0"]
    command = [sys.executable, "-m", "llminit", "fit", *files, *training, f"--out={folder / 'r'}", *options]
    environment = os.environ | {"LLMINIT_CACHE": str(folder / "cache")}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def wait_for_training(process: "subprocess.Popen[str]", checkpoint: Path) -> None:
    """Wait until there is a state to continue from."""
    limit = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.002)
    assert checkpoint.exists()


def test_the_second_is_refused_and_the_first_finishes(tmp_path: Path) -> None:
    """While one is training, others with its `--out` end at once with exit code 2, and disturb nothing."""
    world, out, checkpoint = plant(), tmp_path / "r", tmp_path / ".r.checkpoint.safetensors"
    for name in ("interactions", "items", "embeddings"):
        getattr(world, name).write_parquet(tmp_path / f"{name}.parquet")
    first = start(tmp_path)
    try:
        wait_for_training(first, checkpoint)
        # Held in the middle of its training, however fast this machine is.
        first.send_signal(signal.SIGSTOP)
        state = checkpoint.read_bytes()
        for options in ([], ["--overwrite", "--seed=1"]):
            second = start(tmp_path, *options)
            _, messages = second.communicate(timeout=120)
            assert second.returncode == 2, messages
            assert f"another fit is running on {out}" in messages
            assert "Traceback" not in messages
            assert checkpoint.read_bytes() == state
    finally:
        first.send_signal(signal.SIGCONT)
    _, messages = first.communicate(timeout=120)
    assert first.returncode == 0, messages
    assert len(Recommender.load(out).report["history"]) == EPOCHS
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
