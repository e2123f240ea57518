"""`llminit fit` under torchrun, as real processes: the same command, the same model, one voice."""

import json
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
from llminit.cli.main import main
from planted import plant
from rank_processes import ended, environment_of, free_port, started

FIT = [sys.executable, "-m", "llminit", "fit"]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options of a quick fit, all but --out."""
    folder, world = tmp_path_factory.mktemp("tables"), plant()
    tables = {"interactions": world.interactions, "items": world.items, "embeddings": world.embeddings}
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet")
    given = {name: str(folder / f"{name}.parquet") for name in tables} | {"embedding-size": "8", "epochs": "3"}
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def torchrun(size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `torchrun --nproc-per-node SIZE -m llminit fit ...`."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size)]
    command = [*launcher, "--master-port", str(free_port()), "-m", "llminit", "fit", *arguments]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return subprocess.run(
        command, capture_output=True, text=True, timeout=400, check=False, env={**os.environ, **threads}
    )


def assert_same(folder: Path, other: Path, *, exactly: bool) -> None:
    first, second = (load_file(path / "model.safetensors") for path in (folder, other))
    assert first.keys() == second.keys()
    for name in first:
        if exactly:
            np.testing.assert_array_equal(first[name], second[name])
        else:
            np.testing.assert_allclose(first[name], second[name], rtol=1e-3, atol=1e-4)


def test_the_same_command_under_torchrun(options: list[str], tmp_path: Path) -> None:
    """Two ranks that share negatives save what one process saves; one under torchrun does so bit for bit."""
    assert main(["fit", *options, "--out", str(tmp_path / "plain")]) == 0
    two = torchrun(2, *options, "--out", str(tmp_path / "two"), "--negatives", "shared", "--json")
    assert two.returncode == 0, two.stderr
    assert two.stdout.count("\n") == 1
    report = json.loads(two.stdout)
    assert report["ranks"] == {"number": 2, "negatives": "shared"}
    assert two.stderr.count("fitting once more") == 1
    assert_same(tmp_path / "plain", tmp_path / "two", exactly=False)
    assert len(Recommender.load(tmp_path / "two").recommend(k=3)) > 3
    one = torchrun(1, *options, "--out", str(tmp_path / "one"), "--json")
    assert one.returncode == 0, one.stderr
    assert "ranks" not in json.loads(one.stdout)
    assert_same(tmp_path / "plain", tmp_path / "one", exactly=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "plain", "two"]


def test_ranks_that_were_started_otherwise_are_refused(options: list[str], tmp_path: Path) -> None:
    """Another seed and other data on one rank: both end with an error of 2 that names these, and nothing is saved."""
    changed = tmp_path / "changed.parquet"
    plant(1).interactions.write_parquet(changed)
    out = ["--out", str(tmp_path / "r")]
    other = [*options, *out, "--seed", "5", "--interactions", str(changed)]
    for end in ended(started([*FIT, *options, *out], [*FIT, *other])):
        message = " ".join(end.stderr.split())
        assert end.code == 2
        assert "seed is 0 on rank 0, but 5 on rank 1" in message
        assert "the checksum of interactions is" in message
        assert "Traceback" not in message
    assert not (tmp_path / "r").exists()


def test_a_fit_of_one_process_goes_on_where_killed_ranks_ended(options: list[str], tmp_path: Path) -> None:
    """A rank is killed in training: the first one says which, and the plain command continues from the checkpoint."""
    out = tmp_path / "r"
    long = [*options, "--epochs", "3000", "--patience", "5000", "--no-refit", "--out", str(out)]
    processes = started(*[[*FIT, *long, "--checkpoint-seconds", "0"]] * 2)
    manifest = tmp_path / ".r.checkpoint.shards" / "manifest.json"
    waited_until = time.monotonic() + 300
    while not manifest.exists() and time.monotonic() < waited_until and processes[0].poll() is None:
        time.sleep(0.05)
    os.kill(processes[1].pid, signal.SIGKILL)
    first, second = ended(processes)
    assert (first.code, second.code) == (2, -signal.SIGKILL)
    message = " ".join(first.stderr.split())
    assert f"rank 1 (process {processes[1].pid} on" in message
    assert "Traceback" not in message
    shorter = [*options, "--epochs", "3000", "--patience", "0", "--no-refit", "--out", str(out)]
    plain = subprocess.run(
        [*FIT, *shorter], capture_output=True, text=True, timeout=300, check=False, env=environment_of(0, 1, 1)
    )
    assert plain.returncode == 0, plain.stderr
    assert "resuming after epoch" in plain.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"]


def test_other_commands_are_not_run_several_times(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that ranks cannot share says so, instead of running in each of them."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert main(["report", "nowhere", "--out", "r.html"]) == 2
    assert "2 ranks of `llminit report`, expected one of fit" in capsys.readouterr().err
