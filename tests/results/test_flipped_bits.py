"""Damage that a disk or a copy does to a results folder is never shown as a result."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from llminit.errors import LLMInitError
from llminit.report.read import read_report_data
from llminit.results import Failure, ResultsFolder, open_results, write_archive
from sample_cells import cell
from synthetic_results import MAPPED, SMALL, write_results

FLIPS_A_FILE = 8


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder with a map and a failed cell; do not write to it."""
    folder = write_results(tmp_path_factory.mktemp("undamaged") / "r", replace(SMALL, with_map=True))
    folder.write_failure(Failure(key=cell(model="gf-cf").key, error="diverged"))
    folder.write_tidy(folder.cells())
    return folder.path


def shown(path: Path) -> str:
    """Return all that a report shows of a folder."""
    data = read_report_data(open_results(path))
    maps = {name: items.to_dicts() for name, items in data.maps.items()}
    parts = [data.header, data.cells, data.tidy.rows(), data.failures, maps, data.verdicts]
    return json.dumps(parts, default=repr)


def kinds(path: Path) -> dict[str, Path]:
    """Return one file of each kind."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {f"{file.parent.name if file.parent != path else ''}/{''.join(file.suffixes[-2:])}": file for file in files}


def flips(content: bytes, seed: int) -> Iterator[bytes]:
    """Yield copies of a file's bytes with one bit flipped each."""
    rng = np.random.default_rng(seed)
    for _ in range(FLIPS_A_FILE):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        yield bytes(damaged)


def silent_changes(path: Path) -> list[str]:
    """Flip single bits in a file of each kind, and return the files where the report became another without a word."""
    expected, silent = shown(path), []
    for seed, file in enumerate(kinds(path).values()):
        content = file.read_bytes()
        for damaged in flips(content, seed):
            file.write_bytes(damaged)
            with suppress(LLMInitError):
                if shown(path) != expected:
                    silent.append(file.name)
        file.write_bytes(content)
    return silent


def test_a_flipped_bit_is_refused_or_changes_nothing(undamaged: Path, tmp_path: Path) -> None:
    """With one bit flipped in any file, the report is equal or refused, never silently another."""
    folder = shutil.copytree(undamaged, tmp_path / "r")
    assert {"splits/.parquet", "maps/.parquet", "cells/.json", "/.json"} <= kinds(folder).keys()
    assert any(kind.startswith("cells/.ranks") for kind in kinds(folder))
    assert silent_changes(folder) == []


def test_a_flipped_bit_in_an_archive(undamaged: Path, tmp_path: Path) -> None:
    """The same holds for an archive."""
    archive = write_archive(ResultsFolder(undamaged), tmp_path / "a").path
    assert silent_changes(archive) == []


@pytest.mark.parametrize("kind", ["splits", "maps"])
def test_every_flipped_bit_in_a_table_is_noticed(undamaged: Path, tmp_path: Path, kind: str) -> None:
    """Of splits and maps no damage at all is read: not in a value, and not in what only the format uses."""
    folder = shutil.copytree(undamaged, tmp_path / "r")
    (file,) = (folder / kind).glob("*.parquet")
    for damaged in flips(file.read_bytes(), 7):
        file.write_bytes(damaged)
        with pytest.raises(LLMInitError, match=rf"{file.name} cannot be read .*checksum.*delete it"):
            shown(folder)


def test_folders_without_checksums_can_still_be_read(undamaged: Path, tmp_path: Path) -> None:
    """What an earlier version wrote has no checksums of splits and maps, and is shown as before."""
    folder = shutil.copytree(undamaged, tmp_path / "r")
    records = list(folder.rglob("*.sha256"))
    assert {file.parent.name for file in records} == {"splits", "maps"}
    for file in records:
        file.unlink()
    assert shown(folder) == shown(undamaged)
    (file,) = (folder / "maps").glob(f"{MAPPED}.parquet")
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(LLMInitError, match=f"{MAPPED}.parquet cannot be read"):
        shown(folder)
