"""Fixtures that every test folder shares."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numba
import pytest
import torch


def pytest_configure() -> None:
    """Compute on one thread where tests run side by side: threads that wait for each other's cores are slow."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        numba.set_num_threads(1)
        torch.set_num_threads(1)


def _data_folders() -> list[Path]:
    root = Path(__file__).resolve().parents[1]
    named = os.environ.get("LLMINIT_DATA")
    return ([Path(named)] if named else []) + [root / "shared" / "data", root.parent / "shared" / "data"]


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return a function from a data set's name to its folder; it skips the test if the data are absent."""

    def find(name: str) -> Path:
        for folder in _data_folders():
            if (folder / name / "interactions.parquet").is_file():
                return folder / name
        pytest.skip(f"the data set {name} is not here; set LLMINIT_DATA to a folder that holds it")

    return find


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread: on busy cores, starting threads costs far more than the small work of a test."""
    threads = numba.get_num_threads(), torch.get_num_threads()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    yield
    numba.set_num_threads(threads[0])
    torch.set_num_threads(threads[1])


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Give a function after which file permissions hold for this process, even where the tests run as root."""
    is_root = os.name == "posix" and os.geteuid() == 0

    def become_nobody() -> None:
        if is_root:
            # Others may not even enter the folders that pytest makes.
            for folder in [tmp_path, *tmp_path.parents][:4]:
                folder.chmod(folder.stat().st_mode | 0o011)
            os.seteuid(65534)

    yield become_nobody
    if is_root:
        os.seteuid(0)
