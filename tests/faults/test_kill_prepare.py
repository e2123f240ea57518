"""A killed `llminit data prepare`, given again, continues after the last step that was finished."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from llminit.config import FilterConfig
from llminit.data import make_dataset, read_interactions
from llminit.data.out_of_core import open_prepared
from llminit.pipeline.provenance import data_fingerprint

STAGES = ["run-00003.json", "run-00009.json", "items.json", "part-00002-done.json", "parts.json", "core-round.json"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of two Parquet files, and one of CSV that has the same rows."""
    rng = np.random.default_rng(5)
    n = 24_000
    users, items = (rng.random(n) ** 2 * 3000).astype(int), (rng.random(n) ** 2 * 900).astype(int)
    table = pl.DataFrame({"user_id": users, "item_id": items, "timestamp": rng.integers(0, 500, n)})
    (tmp_path / "in").mkdir()
    table[:10_000].write_parquet(tmp_path / "in" / "a.parquet")
    table[10_000:].write_parquet(tmp_path / "in" / "b.parquet")
    return tmp_path


def _command(folder: Path) -> list[str]:
    options = ["--out", str(folder / "out"), "--k-core", "4", "--rows-at-once", "2000", "--json"]
    return [sys.executable, "-m", "llminit", "data", "prepare", "--interactions", str(folder / "in"), *options]


def _killed_when_there(folder: Path, name: str) -> bool:
    """Start the command and kill it as soon as a file is in its work folder; return whether it came to that."""
    awaited = folder / ".out.work" / name
    process = subprocess.Popen(_command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if awaited.exists():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.0005)
    return False


def test_a_preparation_that_is_killed_at_any_stage_continues(files: Path) -> None:
    """Killed once a stage, it takes no finished step again and ends with what one run would have made."""
    work = files / ".out.work"
    seen: dict[str, int] = {}
    kills = 0
    for stage in STAGES:
        if not _killed_when_there(files, stage):
            break  # It was done before it could be killed.
        kills += 1
        now = {path.name: path.stat().st_mtime_ns for path in work.glob("[!.]*-0*.json")}
        assert {name: now.get(name) for name in seen} == seen
        seen = now
    assert kills >= 4
    done = subprocess.run(_command(files), capture_output=True, text=True, check=True)
    assert "continuing what an earlier call has left" in done.stderr or kills < len(STAGES)
    expected = make_dataset(
        read_interactions(pl.read_parquet(files / "in" / "*.parquet")), filters=FilterConfig(k_core=4)
    )
    assert data_fingerprint(open_prepared(files / "out").dataset()) == data_fingerprint(expected)
    assert not work.exists()
