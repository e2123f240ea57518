"""A real `llminit fit` that is killed in the middle of training, and run again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from llminit import Recommender
from planted import plant

EPOCHS = 40


def command(folder: Path, backbone: str, name: str) -> list[str]:
    files = [f"--{table}={folder}/{table}.parquet" for table in ("interactions", "items", "embeddings")]
    options = ["--embedding-size", 8, "--epochs", EPOCHS, "--patience", 1000, "--backbone", backbone, "--threads", 1]
    call = [sys.executable, "-m", "llminit", "fit", *files, *options, "--out", folder / name]
    return [str(part) for part in call]


def run(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"LLMINIT_CACHE": str(folder / "cache")}
    return subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def kill_in_training(arguments: list[str], folder: Path, checkpoint: Path) -> int | None:
    process = run(arguments, folder)
    limit = time.monotonic() + 60
    while not checkpoint.exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize(
    ("backbone", "phase"), [("lightgcn", "checkpoint"), ("lightgcn", "refit"), ("sgl", "checkpoint")]
)
def test_killed_fit_goes_on_to_the_same_result(tmp_path: Path, backbone: str, phase: str) -> None:
    """After SIGKILL, the same command resumes, and gives bit for bit what an undisturbed one does, and no leftovers."""
    world = plant()
    for name in ("interactions", "items", "embeddings"):
        getattr(world, name).write_parquet(tmp_path / f"{name}.parquet")
    undisturbed = run(command(tmp_path, backbone, "undisturbed"), tmp_path)
    disturbed = [*command(tmp_path, backbone, "disturbed"), "--checkpoint-seconds", "0"]
    checkpoint = tmp_path / f".disturbed.{phase}.safetensors"
    assert kill_in_training(disturbed, tmp_path, checkpoint) == -signal.SIGKILL
    assert checkpoint.exists()
    assert (tmp_path / ".disturbed.lock").exists(), "it means nothing, and the next call removes it"
    assert not (tmp_path / "disturbed").exists()

    again = run(disturbed, tmp_path)
    _, messages = again.communicate(timeout=120)
    assert again.returncode == 0, messages
    resumed_after = [int(part.split()[0]) for part in messages.split("resuming after epoch ")[1:]]
    assert resumed_after[:-1] == ([EPOCHS] if phase == "refit" else []), "what was measured is not trained again"
    assert 1 <= resumed_after[-1] < EPOCHS
    assert undisturbed.communicate(timeout=120)[1] is not None
    assert undisturbed.returncode == 0
    assert_same(tmp_path / "disturbed", tmp_path / "undisturbed")
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def assert_same(one: Path, other: Path) -> None:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    for name in ("users", "items"):
        np.testing.assert_array_equal(first[name], second[name])
    first, second = (Recommender.load(folder).report for folder in (one, other))
    for name in ("metrics", "best_epoch", "fingerprint", "verdict"):
        assert first[name] == second[name]
    for name in ("epoch", "loss", "valid"):
        assert [record[name] for record in first["history"]] == [record[name] for record in second["history"]]
