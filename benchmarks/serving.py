"""(o) A server under load: `llminit serve` beside a plain FastAPI service of the same arrays, by the same clients.

A synthetic recommender (random embeddings, about 20 seen items a user) is saved and served by each in turn, A B A B.
50 clients on the same machine ask without a pause, which gives the most requests a second, and then 500 times a second
in all, which gives the times that a user would wait. Then the memory after many requests, and kills amid writes.

    python benchmarks/serving.py --json benchmarks/results/serving.json
"""

import argparse
import http.client
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import common
from request import synthetic

HERE = Path(__file__).parent
TARGETS = {"p99_ms": 20.0, "requests_per_second": 500.0, "start_seconds": 3.0}
PATIENCE = 120


@dataclass(frozen=True)
class Side:
    """One of the two services.

    Attributes:
        name: For the table.
        command: Starts it, given the model's folder and a port.
    """

    name: str
    command: Callable[[Path, int], list[str]]


def _ours(folder: Path, port: int) -> list[str]:
    options = ["--port", str(port), "--state", str(folder.with_name("state")), "--log", "warning"]
    return [sys.executable, "-m", "llminit", "serve", str(folder), *options]


def _plain(folder: Path, port: int) -> list[str]:
    return [sys.executable, str(HERE / "plain_service.py"), str(folder), str(port)]


SIDES = (Side("FastAPI and numpy", _plain), Side("llminit serve", _ours))


def main() -> None:
    """Measure both services, and print and write the table."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=float, default=500, help="requests a second of the second load")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--memory-requests", type=int, default=100_000, help="over which memory is measured")
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        synthetic(options.users, options.items, options.embedding_size, 20).save(folder)
        rows = measured(folder, options)
        memory = memory_over_requests(folder, options)
        kills = killed(folder, options.kills)
    setting = (
        f"{options.users:,} users, {options.items:,} items, d={options.embedding_size}, k=10; {options.clients} "
        f"clients on the same machine, flat out and at {options.rate:g} requests/s, {options.seconds:g} s each"
    )
    versions = {name: metadata.version(name) for name in ("fastapi", "uvicorn", "numpy")}
    content = {
        "benchmark": "serving",
        "setting": setting,
        "machine": common.machine(),
        "versions": versions,
        "targets": TARGETS,
        "rows": rows,
        "memory": memory,
        "kills": kills,
    }
    print(json.dumps(content, indent=1))
    common.write_json(options.json, content)


def measured(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each service: medians of its turns."""
    turns: dict[str, list[dict[str, Any]]] = {side.name: [] for side in SIDES}
    for turn in range(options.repeats):
        for side in SIDES:
            time.sleep(common.PAUSE)
            before = common.core_seconds()
            started = time.perf_counter()
            with serving(side, folder) as (process, address):
                start_seconds = time.perf_counter() - started
                flat_out = load(address, options, None)
                paced = load(address, options, options.rate)
                used = cpu_seconds(process.pid)
            turns[side.name].append(
                {"start_seconds": start_seconds, "cpu_seconds": used, "flat out": flat_out, "paced": paced}
            )
            passed = common.core_seconds()
            common.say(
                f"  {side.name} {turn + 1}: {flat_out['requests_per_second']:.0f} requests/s, p99 "
                f"{paced['p99_ms']:.1f} ms at {options.rate:g}/s, start {start_seconds:.2f} s; cores busy "
                f"{(passed[1] - before[1]) / max(passed[0] - before[0], 1e-9):.0%}"
            )
    return [row(name, answers) for name, answers in turns.items()]


def row(name: str, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a service's turns."""

    def median(*path: str) -> float:
        values = []
        for turn in turns:
            value: Any = turn
            for part in path:
                value = value[part]
            values.append(float(value))
        return statistics.median(values)

    return {
        "service": name,
        "requests_per_second": median("flat out", "requests_per_second"),
        "flat_out_p50_ms": median("flat out", "p50_ms"),
        "flat_out_p99_ms": median("flat out", "p99_ms"),
        "paced_per_second": median("paced", "requests_per_second"),
        "p50_ms": median("paced", "p50_ms"),
        "p99_ms": median("paced", "p99_ms"),
        "start_seconds": median("start_seconds"),
        "failed": sum(int(turn[load_name]["failed"]) for turn in turns for load_name in ("flat out", "paced")),
        "turns": turns,
    }


def load(address: str, options: argparse.Namespace, rate: float | None, seconds: float | None = None) -> dict[str, Any]:
    """Run the clients as a process of their own, and return what they saw."""
    command = [sys.executable, str(HERE / "load_client.py"), address, "--users", str(options.users)]
    command += ["--clients", str(options.clients), "--seconds", str(seconds or options.seconds)]
    command += [] if rate is None else ["--rate", str(rate)]
    seen: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seen


@contextmanager
def serving(side: Side, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Start a service, wait for its first answer, and end it."""
    port = free_port()
    process = subprocess.Popen(side.command(folder, port))
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, address)
        yield process, address
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for_answer(process: "subprocess.Popen[bytes]", address: str) -> None:
    """Ask until there is an answer."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            post(address, "/recommend", {"user_id": "u0000001", "k": 10})
            return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args!r} does not answer")


def post(address: str, path: str, body: Any) -> Any:
    """Send JSON and return the answer."""
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def memory_over_requests(folder: Path, options: argparse.Namespace) -> list[dict[str, float]]:
    """Return the memory of our server after more and more requests."""
    points: list[dict[str, float]] = []
    n_requests = 0
    with serving(SIDES[1], folder) as (process, address):
        while True:
            points.append({"n_requests": n_requests, "mib": resident_bytes(process.pid) / 2**20})
            if n_requests >= options.memory_requests:
                return points
            n_requests += int(load(address, options, None, 2 * options.seconds)["n_requests"])


def killed(folder: Path, n_kills: int) -> dict[str, int]:
    """Kill a server amid the writes of four clients, over and over, and count what it had acknowledged and lost."""
    acknowledged: set[str] = set()
    state = folder.with_name("killed")
    n_sent = [0]
    for number in range(n_kills):
        with started_with_state(folder, state) as (process, address):
            clients = [
                threading.Thread(target=_write, args=(address, f"{number}-{client}", acknowledged, n_sent), daemon=True)
                for client in range(4)
            ]
            before = len(acknowledged)
            for client in clients:
                client.start()
            while len(acknowledged) < before + 5 + number % 20:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            for client in clients:
                client.join(PATIENCE)
    with (
        started_with_state(folder, state) as (_, address),
        urllib.request.urlopen(f"{address}/interactions", timeout=PATIENCE) as answer,
    ):
        kept = {json.loads(line)["user_id"] for line in answer.read().splitlines()}
    return {
        "kills": n_kills,
        "writes": n_sent[0],
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - kept),
    }


@contextmanager
def started_with_state(folder: Path, state: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Start our server on a state of its own."""

    def command(model: Path, port: int) -> list[str]:
        options = ["--port", str(port), "--state", str(state), "--log", "error"]
        return [sys.executable, "-m", "llminit", "serve", str(model), *options]

    with serving(Side("killed", command), folder) as running:
        yield running


def _write(address: str, name: str, acknowledged: set[str], n_sent: list[int]) -> None:
    with suppress(OSError, ValueError, http.client.HTTPException):
        for number in range(10**9):
            n_sent[0] += 1
            post(address, "/interactions", {"user_id": f"{name}-{number}", "item_id": "i0000001"})
            acknowledged.add(f"{name}-{number}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def resident_bytes(pid: int) -> int:
    """Return the memory that a process takes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
