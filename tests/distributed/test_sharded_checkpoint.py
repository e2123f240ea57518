"""Checkpoints of ranks: any number of ranks reads what another number wrote, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from llminit.distributed.checkpoint import MANIFEST, ShardedCheckpoint
from llminit.distributed.layout import Layout, layout_of, part_shape
from llminit.errors import StorageError
from llminit.progress import SilentReporter
from rank_threads import Threads

SHAPE = (23, 7)
STATE = {"epoch": 3, "adam_steps": 12}


class Notes(SilentReporter):
    """Keeps the messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def note(self, message: str) -> None:
        self.messages.append(message)


def tables() -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(0)
    return {name: torch.from_numpy(rng.normal(size=SHAPE).astype(np.float32)) for name in ("model.rows", "mean.rows")}


def checkpoint_of(folder: Path, group: Any, kind: str, fingerprint: str = "run") -> ShardedCheckpoint:
    return ShardedCheckpoint(folder / "run.shards", fingerprint, group, layout_of(kind, SHAPE))


def write(folder: Path, size: int, kind: str) -> None:
    def work(group: Any) -> None:
        layout = layout_of(kind, SHAPE)
        own = {name: layout.part(table, group.rank, size).clone() for name, table in tables().items()}
        checkpoint_of(folder, group, kind).write(own, STATE)

    Threads(size).run(work)


def read(folder: Path, size: int, kind: str, fingerprint: str = "run") -> tuple[list[Any], list[str]]:
    notes = Notes()

    def work(group: Any) -> Any:
        reporter = notes if group.is_first else SilentReporter()
        return checkpoint_of(folder, group, kind, fingerprint).read(reporter)

    return Threads(size).run(work), notes.messages


def assert_whole(folder: Path, size: int, kind: str) -> None:
    results, messages = read(folder, size, kind)
    assert messages == []
    layout = layout_of(kind, SHAPE)
    for rank, (tensors, state) in enumerate(results):
        assert state == STATE
        assert tensors.keys() == tables().keys()
        for name, table in tables().items():
            assert torch.equal(tensors[name], layout.part(table, rank, size))


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_another_number_of_ranks_has_the_same_state(kind: str, tmp_path: Path) -> None:
    """Two ranks write, four read the same and write, one reads the same; each generation replaces the one before."""
    write(tmp_path, 2, kind)
    assert_whole(tmp_path, 4, kind)
    write(tmp_path, 4, kind)
    assert_whole(tmp_path, 1, kind)
    names = [path.name for path in (tmp_path / "run.shards").iterdir()]
    assert len(names) == 5
    assert MANIFEST in names


@given(
    st.sampled_from(["rows", "columns"]), st.integers(1, 6), st.integers(1, 6), st.integers(1, 30), st.integers(6, 9)
)
def test_common_parts(kind: str, size: int, n_earlier: int, n_rows: int, width: int) -> None:
    """What a rank takes from the parts of another number of ranks, a run of rows at a time, is its own part."""
    layout: Layout = layout_of(kind, (n_rows, width))
    table = torch.arange(n_rows * width).reshape(n_rows, width)
    for rank in range(size):
        own = torch.full(part_shape(layout, rank, size), -1)
        for earlier in range(n_earlier):
            saved = layout.part(table, earlier, n_earlier)
            for start in range(0, len(saved), 4):
                run = slice(start, min(start + 4, len(saved)))
                ours, theirs = layout.common(run, rank, size, earlier, n_earlier)
                own[ours] = saved[run][theirs]
        assert torch.equal(own, layout.part(table, rank, size))


def _cut(folder: Path) -> str:
    part = sorted(folder.glob("*-1.safetensors"))[0]
    part.write_bytes(part.read_bytes()[:-4])
    return f"wrong checksum of {part.name}"


def _removed(folder: Path) -> str:
    part = sorted(folder.glob("*-1.safetensors"))[0]
    part.unlink()
    return f"{part.name} is missing on rank 0"


def _manifest(folder: Path) -> str:
    path = folder / MANIFEST
    path.write_text(path.read_text().replace('"epoch": 3', '"epoch": 4'))
    return f"wrong checksum of {MANIFEST}"


@pytest.mark.parametrize("damage", [_cut, _removed, _manifest])
def test_damage_is_noted_and_nothing_is_read(damage: Callable[[Path], str], tmp_path: Path) -> None:
    """A part that is cut or missing, or a changed manifest, is named once, and all ranks start from the beginning."""
    write(tmp_path, 2, "rows")
    reason = damage(tmp_path / "run.shards")
    results, messages = read(tmp_path, 3, "rows")
    assert results == [None] * 3
    assert len(messages) == 1
    assert reason in messages[0]
    assert "training starts from the beginning" in messages[0]


def test_a_checkpoint_of_another_run_is_kept(tmp_path: Path) -> None:
    """One of other data or options is set aside under another name and said to be."""
    write(tmp_path, 2, "rows")
    results, messages = read(tmp_path, 2, "rows", "another run")
    assert results == [None, None]
    assert "is of other data, options or version; it is kept as run." in messages[0]
    (kept,) = tmp_path.glob("run.*.shards")
    assert json.loads((kept / MANIFEST).read_text().splitlines()[0])["state"] == STATE


def test_a_rank_that_cannot_write_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one rank's disk is full, all ranks end with its error, and the checkpoint before is read again."""
    from llminit.distributed import checkpoint as module

    write(tmp_path, 2, "rows")
    real = safetensors.torch.save_file

    def save_file(tensors: Any, path: Path) -> None:
        if path.name.endswith("-1.safetensors"):
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(module, "save_file", save_file)
    with pytest.raises(StorageError, match=r"rank 1 found: .*No space left"):
        write(tmp_path, 2, "rows")
    assert_whole(tmp_path, 2, "rows")
