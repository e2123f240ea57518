"""Whole training steps in compiled code, for backbones whose loss is a function of their batch's rows.

A step on a graph like the Amazon ones takes a few milliseconds, of which the calls between Python, torch and the
kernels would be a third. This is the step that `Backbone.loss`, `backward` and `Adam.step` make, written once more as
one function: frontiers, hops forward (`graph/rows.py` has the mathematics), loss, hops backward, Adam. It knows BPR and
SGCL's loss; a backbone with another one is trained by its own `loss`, and none has to be here.

Before numba takes compiled code from its cache it looks for changes in this file only: who changes a kernel elsewhere
runs `make clean-kernels`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - numba's products; loaded here, so that its threads can be limited
from threadpoolctl import threadpool_limits

from llminit.arrays import FloatArray, IntArray
from llminit.backbones import Backbone
from llminit.backbones.bpr import BPRBackbone
from llminit.backbones.kernels import bpr_gradient, norm_gradient, supervised_contrastive_gradient
from llminit.backbones.sgcl import SGCL
from llminit.graph.kernels import (
    ABSENT,
    EACH_ITSELF,
    NodeArray,
    adam_constants,
    add_neighbours,
    add_neighbours_and_update,
    even_runs,
    find_frontiers,
)
from llminit.training.adam import Adam

# The most multiplications between two returns to Python, where a run can be interrupted: about a second's work.
_MOST_WORK = 2**32

# Which loss is meant.
_BPR, _CONTRASTIVE = 0, 1

# A subclass that changes one of these has another loss than the one compiled here.
_COMPILED_METHODS = ("loss", "rows", "layers")


@dataclass(frozen=True, eq=False)
class CompiledSteps:
    """Makes the steps of a backbone on the CPU.

    Attributes:
        backbone: Its embeddings are changed in place.
        optimizer: Its moments are changed in place.
        batch_size: Triples a step.
    """

    backbone: BPRBackbone | SGCL
    optimizer: Adam
    batch_size: int

    @classmethod
    def where_possible(cls, backbone: Backbone, optimizer: Adam, batch_size: int) -> "CompiledSteps | None":
        """Return the steps of a backbone whose loss is exactly `BPRBackbone`'s or `SGCL`'s, and None for any other."""
        if not isinstance(backbone, BPRBackbone | SGCL) or optimizer.deferred is None or "loss" in vars(backbone):
            return None
        owner = BPRBackbone if isinstance(backbone, BPRBackbone) else SGCL
        same = all(getattr(type(backbone), name) is getattr(owner, name) for name in _COMPILED_METHODS)
        return cls(backbone, optimizer, batch_size) if same else None

    def run(self, triples: IntArray) -> float:
        """Make one step for each batch and return the sum of the losses.

        Args:
            triples: int64 of shape (3, n): users, positives and negatives, as rows of the embeddings; (2, n) without
                negatives.
        """
        # Small products, between our own threads: a BLAS that spreads them over the same cores makes both wait.
        with threadpool_limits(1, user_api="blas"):
            return self._run(triples)

    def _run(self, triples: IntArray) -> float:
        graph, optimizer = self.backbone.adjacency, self.optimizer
        edges = (graph.indptr, graph.indices, graph.weights, graph.longest)
        total, at_once = 0.0, self._triples_at_once()
        for start in range(0, triples.shape[1], at_once):
            part = triples[:, start : start + at_once]
            total += make_steps(
                edges,
                part,
                self.batch_size,
                len(self.backbone.layers),
                self._loss,
                optimizer.arrays(),
                optimizer.steps,
                optimizer.learning_rate,
                self._memory,
                numba.get_num_threads(),
            )
            optimizer.steps += -(-part.shape[1] // self.batch_size)
        return total

    @property
    def _loss(self) -> tuple[int, float]:
        if isinstance(self.backbone, SGCL):
            return _CONTRASTIVE, self.backbone.options.temperature
        return _BPR, self.backbone.options.reg_weight

    def _triples_at_once(self) -> int:
        graph = self.backbone.adjacency
        work_of_step = (len(graph.indices) + graph.n_nodes) * self.backbone.embeddings.shape[1]
        return max(1, _MOST_WORK // work_of_step) * self.batch_size

    @cached_property
    def _memory(self) -> tuple[Any, ...]:
        (n_nodes, width), n_rows = self.backbone.embeddings.shape, 3 * self.batch_size
        # What is never touched is never mapped, so that the size of the hops' memory is what batches need.
        n_hop = n_nodes if self.backbone.layers else min(n_nodes, n_rows)
        hops = [np.empty((n_hop, width), dtype=np.float32) for _ in range(2)]
        nodes, position = np.empty(n_nodes, dtype=np.int32), np.full(n_nodes, ABSENT)
        return nodes, position, *hops, np.empty((min(n_nodes, n_rows), width), dtype=np.float32)


def are_compiled() -> bool:
    """Return whether an earlier run left the machine code on disk, so that the first step need not wait."""
    folder = Path(make_steps.stats.cache_path)
    return any(folder.glob(f"*{make_steps.__name__}*.nbi"))


@numba.njit(cache=True, error_model="numpy")
def make_steps(
    graph: tuple[IntArray, NodeArray, FloatArray, int],
    triples: IntArray,
    batch_size: int,
    n_layers: int,
    loss_function: tuple[int, float],
    state: tuple[FloatArray, FloatArray, FloatArray],
    n_steps_before: int,
    learning_rate: float,
    memory: tuple[NodeArray, NodeArray, FloatArray, FloatArray, FloatArray],
    n_threads: int,
) -> float:
    """Make one step for each batch of `triples` and return the sum of the losses.

    Args:
        graph: Of an `Adjacency`: indptr, indices, weights, longest.
        triples: int64 of shape (3, n): users, positives and negatives, as rows of the embeddings; (2, n) without
            negatives.
        batch_size: Triples a step; the last step may have fewer.
        n_layers: Number of propagation layers.
        loss_function: BPR and the weight of the norm of the batch's trained embeddings, or SGCL's and its temperature.
        state: The embeddings and Adam's mean and square, each float32 of shape (n_nodes, d), changed.
        n_steps_before: Steps that Adam has made already.
        learning_rate: Adam's step size.
        memory: Nodes and positions, each int32 of shape (n_nodes,), positions all `ABSENT`; and float32 arrays of width
            d: two for hops, of n_nodes rows (of 3 * batch_size without layers), one for gradients, of 3 * batch_size.
        n_threads: Number of threads.
    """
    indptr, indices, weights, longest = graph
    embeddings, mean, square = state
    kind, strength = loss_function
    nodes, position, _, _, gradients = memory
    n_triples, width = triples.shape[1], embeddings.shape[1]
    bounds = even_runs(indptr, np.arange(len(embeddings)).astype(np.int32), n_threads)
    none = np.empty((0, width), dtype=np.float32)
    total, step = 0.0, n_steps_before
    for start in range(0, n_triples, batch_size):
        batch = np.ascontiguousarray(triples[:, start : start + batch_size])
        rows = batch.reshape(-1)
        ends = find_frontiers(indptr, indices, rows, max(n_layers - 1, 0), nodes, position)
        final = _forward(graph, nodes, position, ends, n_layers, embeddings, memory, n_threads)
        base = gradients[: ends[0]]
        loss = _gradient(loss_function, final, batch, position, n_layers, base)
        source = _backward(graph, nodes, position, ends, n_layers, base, memory, n_threads) if n_layers else none
        if kind == _BPR and strength:
            base = base.copy() if n_layers == 1 else base
            loss += norm_gradient(embeddings, batch, position, strength, base)
        step += 1
        adam = adam_constants(step, learning_rate)
        add_neighbours_and_update(
            indptr, indices, weights, bounds, position, source, base, none, embeddings, mean, square, adam, longest
        )
        for node in nodes[: ends[-1]]:
            position[node] = ABSENT
        total += loss
    return total


@numba.njit(cache=True, error_model="numpy")
def _gradient(
    loss_function: tuple[int, float],
    final: FloatArray,
    batch: IntArray,
    position: NodeArray,
    n_layers: int,
    gradient: FloatArray,
) -> float:
    """Write the gradient of the loss in final rows to `gradient`, both by position, and return the loss."""
    kind, strength = loss_function
    gradient[:] = np.float32(0)
    if kind == _BPR:
        return float(bpr_gradient(final, batch, position, 1 / (n_layers + 1), gradient))
    return float(supervised_contrastive_gradient(final, batch, position, strength, gradient))


@numba.njit(cache=True)
def _forward(
    graph: Any,
    nodes: NodeArray,
    position: NodeArray,
    ends: IntArray,
    n_layers: int,
    embeddings: FloatArray,
    memory: Any,
    n_threads: int,
) -> Any:
    """Return n_layers + 1 times the final rows of the nodes in the batch, by position."""
    indptr, indices, weights, longest = graph
    out, other = memory[2], memory[3]
    if not n_layers:
        for place in range(ends[0]):
            out[place] = embeddings[nodes[place]]
        return out
    source, source_position = embeddings, EACH_ITSELF
    for hop in range(n_layers - 1, -1, -1):
        add_neighbours(
            indptr,
            indices,
            weights,
            nodes[: ends[hop]],
            source_position,
            source,
            EACH_ITSELF,
            embeddings,
            out[: ends[hop]],
            longest,
            n_threads,
        )
        source, source_position = out[: ends[hop]], position
        out, other = other, out
    return source


@numba.njit(cache=True)
def _backward(
    graph: Any,
    nodes: NodeArray,
    position: NodeArray,
    ends: IntArray,
    n_layers: int,
    base: FloatArray,
    memory: Any,
    n_threads: int,
) -> FloatArray:
    """Return what the last hop backward adds up over neighbours, by position."""
    indptr, indices, weights, longest = graph
    out, other = memory[2], memory[3]
    source = base
    for hop in range(1, n_layers):
        add_neighbours(
            indptr,
            indices,
            weights,
            nodes[: ends[hop]],
            position,
            source,
            position,
            base,
            out[: ends[hop]],
            longest,
            n_threads,
        )
        source = out[: ends[hop]]
        out, other = other, out
    return source
