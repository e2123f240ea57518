"""The example that trains on a Ray cluster, on a real one of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from llminit import Recommender
from planted import plant

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_with_ray.py"

pytest.importorskip("ray.train.torch", reason="needs ray[train]")


def test_two_workers_fit_a_recommender(tmp_path: Path) -> None:
    """Two workers of Ray Train train together, and the first one saves a recommender that is read as any other."""
    world = plant()
    tables = {"interactions": world.interactions, "items": world.items, "embeddings": world.embeddings}
    for name, table in tables.items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    files = [text for name in tables for text in (f"--{name}", str(tmp_path / f"{name}.parquet"))]
    command = [sys.executable, str(EXAMPLE), *files, "--out", str(tmp_path / "model"), "embedding_size=8", "epochs=2"]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp/ray-llminit", "RAY_DEDUP_LOGS": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, check=False, env=os.environ | threads | quiet
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    recommender = Recommender.load(tmp_path / "model")
    assert recommender.report["ranks"] == {"number": 2, "negatives": "rank"}
    assert len(recommender.recommend(k=3)) > 3
