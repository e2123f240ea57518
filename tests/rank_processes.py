"""Runs a function of a test on several ranks, each a process of its own, and returns what each of them returns."""

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TESTS = Path(__file__).parent

_RUN = """
import importlib, pickle, sys
sys.path[:0] = [{tests!r}, {folder!r}]
import numba, torch
numba.set_num_threads(1); torch.set_num_threads(1)
from llminit.distributed.joining import joined
function = getattr(importlib.import_module({module!r}), {name!r})
arguments = pickle.load(open({given!r}, "rb"))
with joined(timeout={timeout}, silent_seconds={silent}) as group:
    result = function(group, *arguments)
pickle.dump(result, open({out!r} + str(group.rank), "wb"))
"""


@dataclass(frozen=True)
class Ended:
    """How a rank ended."""

    code: int
    stderr: str


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def environment_of(rank: int, size: int, port: int, address: str = "127.0.0.1") -> dict[str, str]:
    """What torchrun would set, and one thread."""
    named = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return {**os.environ, **threads, "MASTER_ADDR": address, **{name: str(value) for name, value in named.items()}}


def started(*commands: Sequence[str], address: str = "127.0.0.1") -> list[subprocess.Popen[str]]:
    """Start a command for each rank."""
    port = free_port()
    return [
        subprocess.Popen(
            command,
            env=environment_of(rank, len(commands), port, address),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank, command in enumerate(commands)
    ]


def ended(processes: Sequence["subprocess.Popen[str]"], seconds: float = 400) -> list[Ended]:
    """Wait for all ranks; whatever happens, none is left."""
    try:
        outputs = [process.communicate(timeout=seconds) for process in processes]
        return [Ended(process.returncode, output[1]) for process, output in zip(processes, outputs, strict=True)]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def code_of(
    folder: Path, function: Callable[..., Any], *arguments: Any, timeout: float = 240, silent: float = 60
) -> list[str]:
    """Return the command of a rank that calls a function of a module with the group, then the arguments."""
    given, module = folder / "arguments.pickle", sys.modules[function.__module__]
    given.write_bytes(pickle.dumps(arguments))
    code = _RUN.format(
        tests=str(_TESTS),
        folder=str(Path(str(module.__file__)).parent),
        module=function.__module__.rpartition(".")[2],
        name=function.__name__,
        given=str(given),
        out=str(folder / "result-"),
        timeout=timeout,
        silent=silent,
    )
    return [sys.executable, "-c", code]


def on_ranks(size: int, folder: Path, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Return what a function of a module returns on each rank; see `code_of`."""
    for rank, end in enumerate(ended(started(*[code_of(folder, function, *arguments)] * size))):
        assert end.code == 0, f"rank {rank} of {size}:\n{end.stderr}"
    return [pickle.loads((folder / f"result-{rank}").read_bytes()) for rank in range(size)]
