"""(g) The floor: what an exact LightGCN step must move, over what this machine moves, beside what a step takes.

For batches of one epoch the script counts the neighbours' rows that each hop must read (none of them can be left out),
and Adam's reads and writes of embeddings and moments. It measures how fast rows are gathered (one whole hop) and how
fast Adam streams, and adds up the least time. Loss, search for neighbours and calls are not in the floor.

    python benchmarks/floor.py --json benchmarks/results/floor.json
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import benchmark_data
import common
from llminit.backbones import GraphConfig, backbone_class
from llminit.graph import Adjacency, normalized_adjacency
from llminit.graph.kernels import ABSENT, EACH_ITSELF, adam_constants, adam_step, add_neighbours, find_frontiers
from llminit.initialization import xavier_embeddings
from llminit.training.adam import Adam
from llminit.training.sampler import TripleSampler
from llminit.training.steps import CompiledSteps

FLOAT = 4
# Embeddings and two moments, each read and written.
ADAM_PASSES = 6


def main() -> None:
    """Print the floor and the step, and the parts of the floor."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, ["lightgcn"])
    parser.add_argument("--batches", type=int, default=20, help="batches to count over")
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    users, items = data.parts["train"]
    graph = normalized_adjacency(users, items, data.n_users, data.n_items)
    width = options.embedding_size
    epoch = TripleSampler(*graph.edges, graph.n_users, graph.n_items).epoch(np.random.default_rng(0), negatives=True)
    hops = hop_bytes(graph, epoch[:, : options.batches * options.batch], options.batch, options.layers, width)
    rows = _tables(graph, width)
    gather, stream = gather_rate(graph, rows, options.repeats), stream_rate(rows, options.repeats)
    adam = ADAM_PASSES * graph.n_nodes * width * FLOAT
    floor = sum(hops.values()) / gather + adam / stream
    step = step_seconds(data, graph, epoch, options)
    found = {
        "MiB that hops read": {name: round(size / 2**20, 1) for name, size in hops.items()},
        "MiB that Adam reads and writes": round(adam / 2**20, 1),
        "GB/s of gathered rows": gather / 1e9,
        "GB/s of Adam": stream / 1e9,
        "floor of a step, ms": 1e3 * floor,
        "step, ms": 1e3 * step,
        "step over floor": step / floor,
    }
    setting = f"{data.describe()}; d={width}, batch {options.batch}, {options.layers} layers"
    print(f"{setting}\n{common.machine()}")
    for name, value in found.items():
        print(f"  {name}: {value if isinstance(value, dict) else round(value, 2)}")
    common.write_json(
        options.json, {"benchmark": "floor", "setting": setting, "machine": common.machine(), "found": found}
    )


def hop_bytes(graph: Adjacency, triples: Any, batch: int, n_layers: int, width: int) -> dict[str, float]:
    """Count the bytes of neighbours' rows that each hop of a step reads, on average over batches."""
    degrees = np.diff(graph.indptr)
    names = [f"forward, hop {hop}" for hop in range(1, n_layers + 1)]
    names += [f"backward, hop {hop}" for hop in range(1, n_layers + 1)]
    totals = dict.fromkeys(names, 0.0)
    starts = range(0, triples.shape[1], batch)
    for start in starts:
        rows = np.ascontiguousarray(triples[:, start : start + batch]).reshape(-1)
        nodes, position = np.empty(graph.n_nodes, dtype=np.int32), np.full(graph.n_nodes, ABSENT)
        ends = find_frontiers(graph.indptr, graph.indices, rows, n_layers - 1, nodes, position)
        # Adding up over the neighbours of the nodes within h hops reads as many rows as those nodes have edges; carried
        # back, as many edges lead into them.
        edges = [int(degrees[nodes[:end]].sum()) for end in ends]
        for hop in range(1, n_layers + 1):
            totals[f"forward, hop {hop}"] += edges[n_layers - hop] * width * FLOAT / len(starts)
            totals[f"backward, hop {hop}"] += edges[hop - 1] * width * FLOAT / len(starts)
    return totals


def gather_rate(graph: Adjacency, rows: list[Any], repeats: int) -> float:
    """Return the bytes a second of neighbours' rows in one hop over all nodes."""
    source, _, _, out = rows
    threads = numba.get_num_threads()

    def hop() -> None:
        edges = (graph.indptr, graph.indices, graph.weights)
        add_neighbours(*edges, graph.every_node, EACH_ITSELF, source, EACH_ITSELF, source, out, graph.longest, threads)

    return len(graph.indices) * source.shape[1] * FLOAT / _fastest(hop, repeats)


def stream_rate(rows: list[Any], repeats: int) -> float:
    """Return the bytes a second that Adam reads and writes of embeddings and moments."""
    embeddings, mean, square, gradient = rows
    constants, threads = adam_constants(10, 1e-3), numba.get_num_threads()
    seconds = _fastest(lambda: adam_step(gradient, embeddings, mean, square, constants, threads), repeats)
    return (ADAM_PASSES + 1) * embeddings.size * FLOAT / seconds


def step_seconds(data: Any, graph: Adjacency, epoch: Any, options: Any) -> float:
    """Return the median seconds of a step in whole epochs, after one that is not counted."""
    kind = backbone_class("lightgcn")
    start = xavier_embeddings(np.arange(data.n_users), np.arange(data.n_items), options.embedding_size, 0)
    config = kind.options_type.make(n_layers=options.layers) if issubclass(kind.options_type, GraphConfig) else None
    backbone = kind(start.users, start.items, graph, config)
    steps = CompiledSteps.where_possible(backbone, Adam(backbone.embeddings, 1e-3), options.batch)
    seconds = []
    for _ in range(options.repeats + 1):
        started = time.perf_counter()
        steps.run(epoch)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:]) / -(-epoch.shape[1] // options.batch)


def _tables(graph: Adjacency, width: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.random((graph.n_nodes, width), dtype=np.float32) for _ in range(4)]


def _fastest(work: Callable[[], None], repeats: int) -> float:
    """Return the least seconds of a call; a floor takes the machine at its best."""
    work()
    seconds = []
    for _ in range(20 * repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
