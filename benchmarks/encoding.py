"""Encoding: two workers against one and against sentence-transformers' own pool, an endpoint's share, and memory.

    python benchmarks/encoding.py --json benchmarks/results/encoding.json

Every side runs in a process of its own, with one thread a worker. The ratios are those of the time in which texts are
encoded; what starting takes is measured beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from benchmark_data import find_interactions
from common import OTHERS, Comparison, in_turn, machine, max_others_share, options_parser, say, seconds_of, write_json

FOLDER = Path(__file__).parent
N_SCALED = 10_000_000
GIB = 2**30


def main() -> None:
    """Measure all of it and print it."""
    parser = options_parser(__doc__, repeats=3)
    parser.add_argument("--data", default="amazon-toys", help="whose item texts are encoded")
    parser.add_argument("--texts", type=int, default=3072)
    parser.add_argument("--made", type=int, nargs=2, default=[500_000, 2_000_000], help="made items, for the memory")
    parser.add_argument(
        "--only", nargs="+", default=["endpoint", "memory", "comparisons"], help="keep the others' results"
    )
    options = parser.parse_args()
    content: dict[str, Any] = {
        "benchmark": "encoding",
        "setting": f"{options.texts} item texts of {options.data} by all-MiniLM-L6-v2, one thread a worker",
        "machine": machine(),
        "versions": {name: metadata.version(name) for name in ("sentence-transformers", "torch", "polars", "openai")},
        "repeats": options.repeats,
    }
    measures: dict[str, Callable[[], Any]] = {
        "endpoint": lambda: _endpoint(options.repeats),
        "memory": lambda: _memory(options.made),
        "comparisons": lambda: [row.as_json() for row in _comparisons(options)],
    }
    if options.json is not None and options.json.exists():
        content = json.loads(options.json.read_text(encoding="utf-8")) | content
    for name in options.only:
        say(name)
        content[name] = measures[name]()
        write_json(options.json, content)
    print(json.dumps(content, indent=1))


def _comparisons(options: argparse.Namespace) -> tuple[Comparison, Comparison]:
    _, interactions = find_interactions(options.data)
    given = {"items": str(interactions.with_name("items.parquet")), "n_texts": options.texts}
    rows = []
    for peer, name, target in (("pool", "sentence-transformers' pool of two", 1.0), ("one", "one thread", 1.8)):
        answers = in_turn(partial(_run, peer, given), partial(_run, "two", given), options.repeats)
        notes = {
            "texts a second, peer and LLMInit": [options.texts / median(times) for times in seconds_of(answers)],
            "core seconds, peer and LLMInit": [median(answer["cpu"] for answer in side) for side in answers],
            "with starting, s, peer and LLMInit": [median(answer["whole"] for answer in side) for side in answers],
            OTHERS: max_others_share(answers),
        }
        rows.append(Comparison(f"{options.texts} texts, two workers", name, *seconds_of(answers), target, notes))
    return rows[0], rows[1]


def _endpoint(repeats: int) -> dict[str, Any]:
    seconds, limit, batch_size, n_texts = 0.2, 8, 32, 8192
    ideal = n_texts / (limit / seconds * batch_size)
    given = {"concurrency": 2 * limit, "batch_size": batch_size, "n_texts": n_texts}
    with _server(seconds, limit) as url:
        times = [_run("endpoint", given | {"url": url})["seconds"] for _ in range(repeats)]
    return {
        "service seconds": seconds,
        "requests served at a time": limit,
        "texts a request": batch_size,
        "concurrency": 2 * limit,
        "n_texts": n_texts,
        "what it can serve, texts a second": n_texts / ideal,
        "seconds": times,
        "share": ideal / median(times),
        "target": 0.9,
    }


@contextmanager
def _server(seconds: float, limit: int) -> Iterator[str]:
    command = [sys.executable, str(FOLDER / "endpoint_server.py"), "--seconds", str(seconds), "--limit", str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        finally:
            server.kill()


def _memory(sizes: list[int]) -> dict[str, Any]:
    """Measure two sizes; the straight line through both says what ten million take."""
    rows = []
    for n_items in sizes:
        with tempfile.TemporaryDirectory() as folder:
            answer = _run("memory", {"folder": folder, "n_texts": n_items})
        answer["beyond"] = answer["peak"] - answer["before"]
        say(f"  {n_items} items: {answer['beyond'] / GIB:.2f} GiB, {answer['seconds']:.0f} s")
        rows.append(answer)
    slope = (rows[1]["beyond"] - rows[0]["beyond"]) / (sizes[1] - sizes[0])
    return {
        "rows": rows,
        "bytes an item": slope,
        "n_extrapolated": N_SCALED,
        "extrapolated": (rows[1]["beyond"] + slope * (N_SCALED - sizes[1])) / GIB,
        "target": 2.0,
    }


def _run(side: str, given: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, str(FOLDER / "encoding_worker.py"), side, json.dumps(given)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    done = subprocess.run(command, env=os.environ | threads, stdout=subprocess.PIPE, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
