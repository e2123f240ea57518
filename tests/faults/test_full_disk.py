"""A disk with no room left: a clear message, exit code 2, and nothing half-written."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from llminit import fit
from planted import everything_under, plant

MAIN = """
import sys
from llminit.cli.main import main
from llminit.text import ENCODERS
import numpy as np

class Wide:
    name = "wide"
    def identity(self):
        return {"encoder": "wide"}
    def encode(self, texts):
        return np.random.default_rng(0).normal(size=(len(texts), 4096)).astype(np.float32)

ENCODERS.register(Wide)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables and a recommender; do not write to it."""
    folder, world = tmp_path_factory.mktemp("made"), plant()
    for name in ("interactions", "items", "embeddings"):
        getattr(world, name).write_parquet(folder / f"{name}.parquet")
    files = [folder / "interactions.parquet", folder / "items.parquet"]
    fit(*files, embeddings=folder / "embeddings.parquet", out=folder / "recommender", embedding_size=8, epochs=1)
    return folder


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 64 KiB, or of the size that the test gives."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = getattr(request, "param", "64k")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error}")
    if done.returncode:
        pytest.skip(f"this process may not mount a file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def commands(made: Path, out: Path) -> dict[str, list[object]]:
    tables = [f"--{name}={made}/{name}.parquet" for name in ("interactions", "embeddings")]
    wide = ["--items", made / "items.parquet", "--encoder", "wide", "--cache", out / "cache"]
    recommend = ["recommend", made / "recommender", "--all", "--k", 30, "--out"]
    return {
        "a checkpoint": ["fit", *tables, "--embedding-size", 32, "--epochs", 2, "--threads", 1, "--out", out / "r"],
        "a recommender": ["fit", *tables, "--embedding-size", 32, "--epochs", 0, "--threads", 1, "--out", out / "r"],
        "initial embeddings": ["init", *tables, "--embedding-size", 32, "--out", out / "r"],
        "recommendations as Parquet": [*recommend, out / "o.parquet"],
        "recommendations as CSV": [*recommend, out / "o.csv"],
        "recommendations as JSON Lines": [*recommend, out / "o.jsonl"],
        "the cache": ["encode", *wide, "--out", out / "e.parquet"],
        "text embeddings": ["encode", *wide[:-1], out.parent / "cache", "--out", out / "e.parquet"],
    }


def run(arguments: Sequence[object], limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a child process that may not write a file of more than `limit` bytes."""

    def forbid() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    call = [sys.executable, "-c", MAIN, *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, timeout=120, check=False, preexec_fn=forbid)


def fill_up(folder: Path, room: int) -> None:
    """Leave `room` bytes."""
    ballast, disk = folder / "ballast", os.statvfs(folder)
    there = ballast.stat().st_size if ballast.exists() else 0
    ballast.write_bytes(bytes(there + disk.f_bavail * disk.f_frsize - room))


def assert_clear(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr
    assert str(folder) in done.stderr
    assert "cannot write" in done.stderr
    assert "Free some space" in done.stderr


LIMITED = [
    "a checkpoint",
    "a recommender",
    "initial embeddings",
    "recommendations as Parquet",
    "recommendations as CSV",
    "recommendations as JSON Lines",
    "the cache",
]
FULL = ["recommendations as CSV", "recommendations as Parquet", "initial embeddings", "text embeddings"]


@pytest.mark.parametrize("what", LIMITED)
def test_a_file_that_may_not_grow(made: Path, tmp_path: Path, what: str) -> None:
    """Where a write fails in the middle, the command says what it could not write, and leaves nothing of it."""
    done = run(commands(made, tmp_path)[what], limit=3000)
    assert_clear(done, tmp_path)
    left = [name for name, content in everything_under(tmp_path).items() if content is not None]
    assert [name for name in left if not name.startswith("cache")] == []
    assert not [name for name in left if "partial" in name]


def test_a_search_whose_file_may_not_grow(made: Path, tmp_path: Path) -> None:
    """It ends with what it could not write; with room, the same command goes on to the result of an undisturbed one."""
    tables = [f"--{name}={made}/{name}.parquet" for name in ("interactions", "embeddings")]
    options = [*tables, "--backbones", "softmax", "--trials", 6, "--epochs", 2, "--threads", 1]
    for limit in (500, 9000):
        done = run(["tune", *options, "--out", tmp_path / "best.toml"], limit=limit)
        assert_clear(done, tmp_path)
        assert "failed" not in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["best.study.jsonl"]
    for name in ("best", "undisturbed"):
        done = run(["tune", *options, "--out", tmp_path / f"{name}.toml"])
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "best.toml").read_bytes() == (tmp_path / "undisturbed.toml").read_bytes()


@pytest.mark.parametrize("what", FULL)
def test_a_full_file_system(made: Path, small_disk: Path, what: str) -> None:
    """On a real file system without room, the same."""
    (small_disk / "ballast").write_bytes(bytes(60 * 1024))
    assert_clear(run(commands(made, small_disk)[what]), small_disk)
    left = [name for name, content in everything_under(small_disk).items() if content is not None]
    assert [name for name in left if not name.startswith("cache")] == ["ballast"]
    assert not [name for name in left if "partial" in name]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("small_disk", ["2m"], indirect=True)
def test_a_disk_that_fills_up_ends_a_comparison(made: Path, small_disk: Path, workers: int) -> None:
    """It stops at once, loses no finished cell, and goes on when there is room."""
    out = small_disk / "r"

    def compare(backbones: str) -> subprocess.CompletedProcess[str]:
        files = [f"--{name}={made}/{name}.parquet" for name in ("interactions", "embeddings")]
        grid = ["--backbones", backbones, "--inits", "pca,whiten", "--baselines", "popularity", "--seeds", 2]
        training = ["--embedding-sizes", 32, "--epochs", 2, "--checkpoint-seconds", 0]
        return run(["compare", *files, *grid, *training, "--workers", workers, "--out", out])

    def cells() -> dict[str, tuple[bytes, int]]:
        return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in out.glob("cells/[a-z]*")}

    done = compare("mf")
    assert done.returncode == 0, done.stderr
    finished = cells()
    for room in (16, 48):
        fill_up(small_disk, room * 1024)
        done = compare("lightgcn,mf")
        assert_clear(done, small_disk)
        assert " failed: " not in done.stderr
        assert finished.items() <= cells().items()
        assert not [file for file in small_disk.rglob("*") if "partial" in file.name or "failed" in file.name]
    (small_disk / "ballast").unlink()
    done = compare("lightgcn,mf")
    assert done.returncode == 0, done.stderr
    assert finished.items() <= cells().items()
    assert len(json.loads((out / "results.json").read_text())["cells"]) == 10
