"""Whole training steps in one compiled function, for backbones whose loss is a function of their batch's rows.

A step on a graph like the Amazon ones takes a few milliseconds, of which the calls between Python, torch and the
kernels would be a third. These steps compute the same as `Backbone.loss`, `backward` and `Adam.step`, with the same
kernels: frontiers, hops forward, loss, hops backward, Adam. `Backbone.compiled_loss` returns the loss that a backbone
has here; without one, a backbone is trained by its `loss`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - numba's matmul; loaded here, so that its threads can be limited

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.adam import AdamState, adam_constants
from llminit.compiled.bpr import bpr_gradient, norm_gradient
from llminit.compiled.cache import kernel
from llminit.compiled.graph import ABSENT, Frontier, Graph, NodeArray, Rows, even_runs, find_frontiers
from llminit.compiled.propagation import add_neighbours_and_update, final_rows, hop_memory, last_hop_source
from llminit.compiled.supervised_contrastive import supervised_contrastive_gradient

BPR, SUPERVISED_CONTRASTIVE = 0, 1
"""The compiled losses."""


class CompiledLoss(NamedTuple):
    """The loss of a compiled step.

    Attributes:
        kind: `BPR` or `SUPERVISED_CONTRASTIVE`.
        strength: The weight of the norm of the batch's trained embeddings for `BPR`, the temperature for
            `SUPERVISED_CONTRASTIVE`.
    """

    kind: int
    strength: float


class StepMemory(NamedTuple):
    """The arrays that steps write to, reused by every step.

    Attributes:
        nodes: int32 of shape (n_nodes,).
        position: int32 of shape (n_nodes,), `ABSENT` everywhere between two steps.
        hops: Two float32 arrays of width d, of n_nodes rows (of 3 * batch_size without layers).
        gradients: float32 of shape (3 * batch_size, d) at most.
    """

    nodes: NodeArray
    position: NodeArray
    hops: tuple[FloatArray, FloatArray]
    gradients: FloatArray


def step_memory(n_nodes: int, width: int, batch_size: int, n_layers: int) -> StepMemory:
    """Return memory for the steps of a backbone."""
    n_rows = min(n_nodes, 3 * batch_size)
    hops = hop_memory(n_nodes if n_layers else n_rows, width)
    gradients = np.empty((n_rows, width), dtype=np.float32)
    return StepMemory(np.empty(n_nodes, dtype=np.int32), np.full(n_nodes, ABSENT), hops, gradients)


def is_on_disk(steps: Any) -> bool:
    """Return whether the machine code of compiled steps is on disk, so that the first step does not wait for it."""
    return any(Path(steps.stats.cache_path).glob(f"*{steps.__name__}*.nbi"))


@kernel()
def make_steps(
    graph: Graph,
    triples: IntArray,
    batch_size: int,
    n_layers: int,
    loss_function: CompiledLoss,
    state: AdamState,
    n_steps_before: int,
    learning_rate: float,
    memory: StepMemory,
    n_threads: int,
) -> float:
    """Take one step for each batch of `triples` and return the sum of the losses.

    Args:
        graph: The training graph.
        triples: int64 of shape (3, n): users, positives and negatives, as rows of the embeddings; (2, n) without
            negatives.
        batch_size: Triples a step; the last step may have fewer.
        n_layers: Number of propagation layers.
        loss_function: The loss.
        state: The embeddings and Adam's moments, each float32 of shape (n_nodes, d), changed.
        n_steps_before: Number of steps that Adam has already taken.
        learning_rate: Adam's step size.
        memory: The result of `step_memory`.
        n_threads: Number of threads.
    """
    embeddings = state.values
    nodes, position, hops, gradients = memory
    n_triples, width = triples.shape[1], embeddings.shape[1]
    bounds = even_runs(graph.indptr, np.arange(len(embeddings)).astype(np.int32), n_threads)
    none = np.empty((0, width), dtype=np.float32)
    total, step = 0.0, n_steps_before
    for start in range(0, n_triples, batch_size):
        batch = np.ascontiguousarray(triples[:, start : start + batch_size])
        ends = find_frontiers(graph.indptr, graph.indices, batch.reshape(-1), max(n_layers - 1, 0), nodes, position)
        frontier = Frontier(nodes, position, ends)
        final = final_rows(graph, frontier, n_layers, embeddings, hops, n_threads)
        base = gradients[: ends[0]]
        loss = _gradient(loss_function, final, batch, position, n_layers, base)
        source = last_hop_source(graph, frontier, n_layers, base, hops, n_threads) if n_layers else none
        if loss_function.kind == BPR and loss_function.strength:
            base = base.copy() if n_layers == 1 else base
            loss += norm_gradient(embeddings, batch, position, loss_function.strength, base)
        step += 1
        adam = adam_constants(step, learning_rate)
        add_neighbours_and_update(graph, bounds, Rows(source, position), Rows(base, position), none, state, adam)
        for node in nodes[: ends[-1]]:
            position[node] = ABSENT
        total += loss
    return total


@kernel()
def _gradient(
    loss_function: CompiledLoss,
    final: FloatArray,
    batch: IntArray,
    position: NodeArray,
    n_layers: int,
    gradient: FloatArray,
) -> float:
    """Write the gradient with respect to the final rows to `gradient`, both by position, and return the loss."""
    gradient[:] = np.float32(0)
    if loss_function.kind == BPR:
        return float(bpr_gradient(final, batch, position, 1 / (n_layers + 1), gradient))
    return float(supervised_contrastive_gradient(final, batch, position, loss_function.strength, gradient))
