"""A process that is killed while it encodes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

N_TEXTS = 60
CHUNK = 5
SCRIPT = """
import hashlib, sys, time
from pathlib import Path
import numpy as np
from llminit.text import EncodingCache, encode_texts

folder, seconds, n_texts, chunk = Path(sys.argv[1]), *(float(number) for number in sys.argv[2:])

class SlowEncoder:
    name = "slow"

    def identity(self):
        return {"encoder": "slow"}

    def encode(self, texts):
        time.sleep(seconds)
        with (folder / "log.txt").open("a") as log:
            log.write("".join(text + chr(10) for text in texts))
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") for text in texts]
        return np.array([np.random.default_rng(seed).normal(size=6) for seed in seeds], dtype=np.float32)

texts = [f"text {number}" for number in range(int(n_texts))]
values = encode_texts(texts, SlowEncoder(), EncodingCache(folder / "cache"), shard_size=int(chunk))
np.save(folder / "result.npy", values)
"""


def start(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    arguments = [str(folder), str(seconds), str(N_TEXTS), str(CHUNK)]
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments])


def encoded(folder: Path) -> list[str]:
    log = folder / "log.txt"
    return log.read_text().splitlines() if log.exists() else []


def test_killed_encoding_goes_on_where_it_was(tmp_path: Path) -> None:
    """After SIGKILL, the same call encodes only what was not kept, at most one chunk twice, with the same result."""
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    undisturbed.mkdir()
    disturbed.mkdir()
    assert start(undisturbed, 0).wait(60) == 0

    process = start(disturbed, 0.15)
    limit = time.monotonic() + 60
    while len(encoded(disturbed)) < 4 * CHUNK and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    before = len(encoded(disturbed))
    assert 4 * CHUNK <= before < N_TEXTS
    assert not (disturbed / "result.npy").exists()

    assert start(disturbed, 0).wait(60) == 0
    after = encoded(disturbed)
    assert set(after) == {f"text {number}" for number in range(N_TEXTS)}
    assert len(after) - N_TEXTS in (0, CHUNK)
    assert (disturbed / "result.npy").read_bytes() == (undisturbed / "result.npy").read_bytes()
    assert np.load(disturbed / "result.npy").shape == (N_TEXTS, 6)
