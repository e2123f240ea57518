"""Programs that tests run beside this library: a PostgreSQL with pgvector, and the Python that has RecBole."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PORT = 54329
PASSWORD = "s3cret"


RECBOLE = Path(__file__).parents[1] / "benchmarks" / ".peers" / "recbole"


def recbole_python() -> str:
    """Return the Python of RecBole's environment, or skip the test."""
    if not (RECBOLE / "ready").exists():
        pytest.skip("RecBole's environment is not here; `python benchmarks/peers.py` makes it (Python 3.11)")
    return str(RECBOLE / "bin" / "python")


def binaries() -> Path:
    """Return the folder of initdb, pg_ctl and psql, or skip the test."""
    found = find_spec("pgserver")
    if found is None or found.origin is None:
        pytest.skip("pgserver, a PostgreSQL in a wheel, is not installed; there are none for Python 3.13 and newer")
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of a PostgreSQL's database, on a socket in a temporary folder; it ends with the block."""
    programs = binaries()
    # PostgreSQL does not run as root. A socket's path must be short, which pytest's temporary folders are not.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    as_nobody: dict[str, Any] = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
    if as_nobody:
        os.chown(folder, 65534, 65534)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)

    def call(program: str, *arguments: object) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **as_nobody)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    try:
        call("initdb", "--username=tester", "--auth=scram-sha-256", "--encoding=utf8", "--no-sync", "--pwfile=password")
        options = f"-h '' -k {folder} -p {PORT} -F"
        call("pg_ctl", "--wait", "--log", folder / "log", "--options", options, "start")
        try:
            yield f"postgresql://tester:{PASSWORD}@/postgres?host={folder}&port={PORT}"
        finally:
            call("pg_ctl", "--wait", "--mode", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
