"""(t) A large catalogue: a server that searches a million items by an index, and by scoring all of them.

The embeddings are drawn around a thousand centres, as those of trained models lie (evenly spread ones are much harder
to index, and nothing trained looks like them). The server starts, answers exactly until the index is built, and says in
/health what part of the exact answer the index finds.

    python benchmarks/serving_index.py --json benchmarks/results/serving_index.json
"""

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import common
from llminit import Recommender
from llminit.arrays import FloatArray
from llminit.models.serving import DotProduct
from request import synthetic
from serving import Side, load, resident_bytes, serving

N_CENTRES, SPREAD = 1000, 0.7
PATIENCE = 1800
TARGETS = {"p99_ms": 20.0, "recall": 0.95}


def main() -> None:
    """Measure both ways of searching, and print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rates", type=float, nargs="+", default=[50, 100, 200], help="requests a second")
    parser.add_argument("--seconds", type=float, default=10, help="of each load")
    parser.add_argument("--json", type=Path, metavar="OUT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        clustered(options.users, options.items, options.embedding_size).save(folder)
        above = {"index": options.items - 1, "all items scored": 10 * options.items}
        rows = [measured(way, folder, above[way], options) for way in above]
    content = {
        "benchmark": "serving_index",
        "setting": f"{options.users:,} users, {options.items:,} items, d={options.embedding_size}, k=10; "
        f"{options.clients} clients on the same machine, {options.seconds:g} s each load",
        "machine": common.machine(),
        "versions": {name: metadata.version(name) for name in ("usearch", "fastapi", "uvicorn")},
        "targets": TARGETS,
        "ways": rows,
    }
    print(json.dumps(content, indent=1))
    common.write_json(options.json, content)


def clustered(n_users: int, n_items: int, size: int) -> Recommender:
    """Return a recommender whose users and items lie around common centres."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((N_CENTRES, size), dtype=np.float32)

    def rows(n_rows: int) -> FloatArray:
        noise = rng.standard_normal((n_rows, size), dtype=np.float32)
        found = centres[rng.integers(N_CENTRES, size=n_rows)] + np.float32(SPREAD) * noise
        return np.asarray(found / np.float32(np.sqrt(size)), dtype=np.float32)

    return replace(synthetic(n_users, n_items, size, 20), model=DotProduct(rows(n_users), rows(n_items)))


def measured(way: str, folder: Path, above: int, options: argparse.Namespace) -> dict[str, Any]:
    """Serve with an index above a number of items, and ask at each rate once it is there."""

    def command(model: Path, port: int) -> list[str]:
        given = ["--port", str(port), "--read-only", "--log", "warning", "--ann-above", str(above)]
        return [sys.executable, "-m", "llminit", "serve", str(model), *given]

    started = time.perf_counter()
    with serving(Side(way, command), folder) as (process, address):
        start_seconds = time.perf_counter() - started
        search = health(address)["search"]
        if above < options.items:
            search = awaited(lambda: health(address)["search"], lambda found: found["kind"] != "exact")
        index_seconds = time.perf_counter() - started - start_seconds if above < options.items else None
        common.say(f"{way}: started in {start_seconds:.1f} s, {search}")
        loads = {f"{rate:g}": load(address, options, rate) for rate in options.rates}
        memory = resident_bytes(process.pid) / 2**30
    for rate, seen in loads.items():
        common.say(f"  {rate} requests/s: p50 {seen['p50_ms']:.1f} ms, p99 {seen['p99_ms']:.1f} ms")
    return {
        "way": way,
        "start_seconds": start_seconds,
        "index_seconds": index_seconds,
        "search": search,
        "loads": loads,
        "gib": memory,
    }


def health(address: str) -> Any:
    """Return what the server says of itself."""
    with urllib.request.urlopen(f"{address}/health", timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def awaited(ask: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
    """Ask once a second until an answer is the one that is waited for."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if is_there(found := ask()):
            return found
        time.sleep(1)
    raise RuntimeError(f"still {found} after {PATIENCE} s")


if __name__ == "__main__":
    main()
