"""(g) The floor: the least time of an exact step, from its reads, writes and products, beside the measured time.

For batches of one epoch the script counts the neighbours' rows that each hop must read (none of them can be left out),
and Adam's reads and writes of embeddings and moments; for SGL also the hops of its two views and the matrix products of
its contrastive task. It measures how fast rows are gathered (one whole hop), how fast Adam streams and how fast torch
multiplies matrices, and adds up the least time. Losses, exponentials, the search for neighbours and calls are not in
the floor.

    python benchmarks/floor.py --json benchmarks/results/floor.json
"""

import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import polars as pl
import torch

import benchmark_data
import common
from llminit.compiled.adam import AdamState, adam_constants, adam_step
from llminit.compiled.graph import ABSENT, add_neighbours, find_frontiers, rows_of_all
from llminit.config import TrainingConfig
from llminit.graph import Adjacency, normalized_adjacency
from llminit.initialization import xavier_embeddings
from llminit.models import BACKBONES, GraphConfig
from llminit.models.backbones.sgl import SGLConfig
from llminit.training import train
from llminit.training.sampler import TripleSampler

FLOAT = 4
# Embeddings and two moments, each read and written.
ADAM_PASSES = 6
# Similarities, and the gradient of either factor.
MATMULS_PER_STEP = 3
ROWS_IN_CACHE = 2048


def main() -> None:
    """Print the floor and the step of each backbone, and the parts of the floor."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, ["lightgcn", "sgl"])
    parser.add_argument("--batches", type=int, default=20, help="batches to count over")
    options = parser.parse_args()
    data = benchmark_data.load(options.data)
    users, items = data.parts["train"]
    graph = normalized_adjacency(users, items, data.n_users, data.n_items)
    width = options.embedding_size
    epoch = TripleSampler(*graph.edges, graph.n_users, graph.n_items).epoch(np.random.default_rng(0), negatives=True)
    hops = hop_bytes(graph, epoch[:, : options.batches * options.batch], options.batch, options.layers, width)
    rows = _tables(graph, width)
    rates = {
        "rows gathered, GB/s": gather_rate(graph, rows, options.repeats) / 1e9,
        "Adam's streams, GB/s": stream_rate(rows, options.repeats) / 1e9,
        "matrix products, GFLOP/s": product_rate(rows, options.batch, options.repeats) / 1e9,
    }
    steps = []
    for backbone in options.backbone:
        gathered, flops = sum(hops.values()), 0
        if backbone == "sgl":
            gathered += view_bytes(graph, hops, options.layers, width)
            flops = MATMULS_PER_STEP * 2 * options.batch * graph.n_nodes * width
        parts = {
            "hops": gathered / rates["rows gathered, GB/s"] / 1e6,
            "Adam": ADAM_PASSES * graph.n_nodes * width * FLOAT / rates["Adam's streams, GB/s"] / 1e6,
            "products": flops / rates["matrix products, GFLOP/s"] / 1e6,
        }
        step = 1e3 * step_seconds(data, graph, backbone, options)
        steps.append({"backbone": backbone, "MiB gathered": gathered / 2**20, "GFLOP": flops / 1e9, "parts": parts})
        steps[-1] |= {"floor": sum(parts.values()), "step": step, "ratio": step / sum(parts.values())}
    setting = f"{data.describe()}; d={width}, batch {options.batch}, {options.layers} layers"
    result = {"benchmark": "floor", "setting": setting, "machine": common.machine(), "rates": rates, "steps": steps}
    print(json.dumps(result, indent=1))
    common.write_json(options.json, result)


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
        # A sum over the neighbours of the nodes within h hops reads as many rows as these nodes have edges, and the
        # backward pass as many.
        edges = [int(degrees[nodes[:end]].sum()) for end in ends]
        for hop in range(1, n_layers + 1):
            totals[f"forward, hop {hop}"] += edges[n_layers - hop] * width * FLOAT / len(starts)
            totals[f"backward, hop {hop}"] += edges[hop - 1] * width * FLOAT / len(starts)
    return totals


def gather_rate(graph: Adjacency, tables: list[Any], repeats: int) -> float:
    """Return the bytes a second of neighbours' rows in one hop over all nodes."""
    source, _, _, out = tables
    threads = numba.get_num_threads()

    def hop() -> None:
        rows = rows_of_all(source)
        add_neighbours(graph.compiled, graph.every_node, rows, rows, out, threads)

    return float(len(graph.indices) * source.shape[1] * FLOAT / _fastest(hop, repeats))


def stream_rate(rows: list[Any], repeats: int) -> float:
    """Return the bytes a second that Adam reads and writes of embeddings and moments."""
    embeddings, mean, square, gradient = rows
    state, constants, threads = AdamState(embeddings, mean, square), adam_constants(10, 1e-3), numba.get_num_threads()
    seconds = _fastest(lambda: adam_step(gradient, state, constants, threads), repeats)
    return float((ADAM_PASSES + 1) * embeddings.size * FLOAT / seconds)


def view_bytes(graph: Adjacency, hops: dict[str, float], n_layers: int, width: int) -> float:
    """Count the bytes of neighbours' rows that SGL's two views read: one for the batch's rows, one for all nodes."""
    kept = 1 - SGLConfig().drop_ratio
    return kept * (sum(hops.values()) + 2 * n_layers * len(graph.indices) * width * FLOAT)


def product_rate(rows: list[Any], batch: int, repeats: int) -> float:
    """Return the operations a second of a matrix product of a batch's rows and others that fit the caches."""
    some, others = torch.from_numpy(rows[0][:batch]), torch.from_numpy(rows[1][:ROWS_IN_CACHE])
    out = torch.empty(len(some), len(others))
    seconds = _fastest(lambda: torch.mm(some, others.T, out=out), repeats)
    return 2 * len(some) * others.numel() / seconds


def step_seconds(data: Any, graph: Adjacency, backbone: str, options: Any) -> float:
    """Return the median seconds of a step in whole epochs, after a warm-up epoch."""
    kind = BACKBONES[backbone]
    ids = pl.Series(np.arange(data.n_users)), pl.Series(np.arange(data.n_items))
    start = xavier_embeddings(*ids, options.embedding_size, 0)
    config = kind.options_type.make(n_layers=options.layers) if issubclass(kind.options_type, GraphConfig) else None
    training = TrainingConfig(epochs=options.repeats + 1, train_batch_size=options.batch)
    history = train(kind(start.users, start.items, graph, config), training).history
    seconds = [after.seconds - before.seconds for before, after in itertools.pairwise(history)]
    return float(statistics.median(seconds) / -(-len(data.parts["train"][0]) // options.batch))


def _tables(graph: Adjacency, width: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.random((graph.n_nodes, width), dtype=np.float32) for _ in range(4)]


def _fastest(work: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of a call, because a floor takes the best rates."""
    work()
    seconds = []
    for _ in range(20 * repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
