"""Machine code on disk: reused while nothing changes, compiled again after a change in any kernel that it calls."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import llminit
from llminit.compiled import cache

# norm_gradient, in one file, calls dot, in another one.
SCRIPT = """
import numpy as np
from llminit.compiled.bpr import norm_gradient
rows, gradient = np.full((3, 2), 3, np.float32), np.zeros((3, 2), np.float32)
print(norm_gradient(rows, np.array([[0], [1], [2]]), np.arange(3, dtype=np.int32), 1.0, gradient))
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package without any machine code."""
    source = Path(llminit.__file__).parent
    shutil.copytree(source, tmp_path / "llminit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


# Kernels that call kernels, with sums whose order is free.
SUMS_SCRIPT = """
import numpy as np
from llminit.compiled.supervised_contrastive import supervised_contrastive_gradient
rows = np.random.default_rng(0).normal(size=(600, 32)).astype(np.float32)
gradient, pairs = np.zeros_like(rows), np.arange(600).reshape(2, 300)
loss = supervised_contrastive_gradient(rows, pairs, np.arange(600, dtype=np.int32), 0.2, gradient)
print(float(loss).hex(), gradient.tobytes().hex())
"""


def output(folder: Path, script: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment | {"PYTHONPATH": str(folder)}
    )
    return done.stdout


def run(folder: Path) -> float:
    return float(output(folder, SCRIPT))


def machine_code(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (folder / "llminit").rglob("*.nbc")}


def test_an_edited_kernel_is_compiled_again_with_its_callers(copied: Path) -> None:
    """A change in the file of a called kernel reaches the caller, whose file is unchanged."""
    before = run(copied)
    kept = machine_code(copied)
    assert kept, "the first run leaves machine code"
    assert run(copied) == before
    assert machine_code(copied) == kept, "a second run compiles nothing"
    file = copied / "llminit" / "compiled" / "rows.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("total += left[column] * right[column]") == 1
    changed = text.replace(
        "total += left[column] * right[column]", "total += np.float32(4) * left[column] * right[column]"
    )
    file.write_text(changed, encoding="utf-8")
    assert run(copied) == pytest.approx(2 * before)
    # A file that is only touched, as a new checkout of the same commit is, changes nothing.
    again = machine_code(copied)
    os.utime(file)
    run(copied)
    assert machine_code(copied) == again


def test_compiled_now_or_read_from_disk_computes_the_same(copied: Path) -> None:
    """The first process, which compiles, gives the same bits as the next one, which reads the machine code."""
    assert output(copied, SUMS_SCRIPT) == output(copied, SUMS_SCRIPT)


def test_where_nothing_can_be_written_kernels_are_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder for machine code, as in a container that only serves, a kernel works in its process."""
    monkeypatch.setattr(cache._PackageCacheImpl, "_locator_classes", ())  # noqa: SLF001

    def added(one: int, other: int) -> int:
        return one + other

    assert cache.kernel()(added)(2, 3) == 5
