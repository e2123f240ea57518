"""A real `llminit add-items` that is killed at any moment, and run again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

import llminit
from llminit import Recommender
from planted import SMALL, everything_under, plant


def test_a_killed_command_leaves_the_old_or_the_new_folder(tmp_path: Path) -> None:
    """Killed while it writes, the folder is the old or the new one; run again, it ends as if nothing had happened."""
    world = plant()
    folder, items = tmp_path / "model", tmp_path / "items.parquet"
    ids = [f"new{number}" for number in range(300)]
    values = world.embeddings["embedding"].to_list()
    table = pl.DataFrame({"item_id": ids, "title": ids})
    table.write_parquet(items)
    pl.DataFrame({"item_id": ids, "embedding": pl.Series([values[row % 40] for row in range(300)])}).write_parquet(
        tmp_path / "emb.parquet"
    )
    llminit.fit(world.interactions, world.items, embeddings=world.embeddings, out=folder, refit=False, **SMALL)
    old = Recommender.load(folder).recommend(k=3)
    untouched = Path(shutil.copytree(folder, tmp_path / "other"))
    command = [sys.executable, "-m", "llminit", "add-items", str(folder), f"--items={items}"]
    command.append(f"--embeddings={tmp_path / 'emb.parquet'}")
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < limit:
        if any(path.name.endswith(".partial") for path in tmp_path.iterdir()):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    left = Recommender.load(folder)
    if len(left.items) == 40:
        assert left.recommend(k=3).equals(old)
    else:
        assert len(left.items) == 340
    again = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert again.returncode == 0, again.stderr
    undisturbed = Recommender.load(untouched).add_items(items, embeddings=tmp_path / "emb.parquet")
    undisturbed.save(untouched)
    assert everything_under(folder) == everything_under(untouched)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
