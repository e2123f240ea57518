"""A real `llminit refresh` that is killed, and run again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

import llminit
from llminit import Recommender
from llminit.pipeline.refresh import refreshed
from planted import SMALL, everything_under, plant


def test_a_killed_refresh_gives_the_same_again(tmp_path: Path) -> None:
    """Killed while it works, the old folder is there and serves; run again, it gives what an undisturbed call gives."""
    world = plant()
    folder = tmp_path / "model"
    late = pl.col("timestamp") >= 1000 + 7 * 6
    files = {"interactions": world.interactions, "items": world.items, "embeddings": world.embeddings}
    for name, table in files.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    old = llminit.fit(world.interactions.filter(~late), world.items, embeddings=world.embeddings, out=folder, **SMALL)
    before = everything_under(folder)
    command = [sys.executable, "-m", "llminit", "refresh", str(folder), "--threads=1"]
    command += [f"--{name}={tmp_path / name}.parquet" for name in files]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while not (tmp_path / ".model.lock").exists() and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.002)
    time.sleep(0.2)  # Some way into its work.
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    if process.returncode == -signal.SIGKILL:
        assert everything_under(folder) == before
    again = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert again.returncode == 0, again.stderr
    expected, _ = refreshed(old, world.interactions, world.items, embeddings=world.embeddings)
    found = Recommender.load(folder)
    assert found.recommend(k=99).drop("score").equals(expected.recommend(k=99).drop("score"))
    assert found.report["n_interactions"] == len(world.interactions)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
