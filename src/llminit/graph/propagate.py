"""LightGCN's propagation: the mean over layers of repeatedly multiplied embeddings, as one autograd function.

With A_1 ... A_L the (symmetric) adjacency of each layer, the forward pass is

    out = (x + A_1 x + A_2 A_1 x + ... + A_L ... A_1 x) / (L + 1),

so the gradient needs no saved layers. By Horner's rule it is

    grad_x = (g + A_1 (g + A_2 (... (g + A_L g)))) / (L + 1).

Where every layer has the same A, powers of A commute and the forward pass takes the same form. `propagate`
computes all rows; `gather` computes the rows of one batch and what they depend on (see `rows.py`).
"""

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import torch
from torch.autograd.function import once_differentiable

from llminit.compiled.graph import add_neighbours, rows_of_all
from llminit.graph.adjacency import Adjacency
from llminit.graph.rows import Neighbourhood, RowGradient

Parts = tuple[torch.Tensor, ...]


def propagate(embeddings: torch.Tensor, layers: Sequence[Adjacency]) -> torch.Tensor:
    """Average the embeddings of layers 0 to L (arXiv 2002.02126, eq. 4 and 8).

    Args:
        embeddings: float32 of shape (n_nodes, d), users first.
        layers: One adjacency for each layer; usually the same one L times.

    Returns:
        float32 of shape (n_nodes, d).
    """
    if not layers:
        return embeddings
    result: torch.Tensor = _Propagate.apply(embeddings.contiguous(), tuple(layers))  # type: ignore[no-untyped-call]
    return result


@torch.no_grad()
def propagate_weighted(embeddings: torch.Tensor, adjacency: Adjacency, weights: Sequence[float]) -> torch.Tensor:
    """Return x + w1 A x + w2 A^2 x + ... for weights w.

    Args:
        embeddings: x, float32 of shape (n_nodes, d), users first.
        adjacency: A.
        weights: The weight of one hop, two hops, ...; none returns a copy of x.
    """
    total, hidden = embeddings.clone(), embeddings.contiguous()
    for weight in weights:
        hidden = _add_neighbours(adjacency, hidden, torch.zeros_like(hidden))
        total.add_(hidden, alpha=weight)
    return total


def gather(
    embeddings: torch.Tensor,
    adjacency: Adjacency,
    n_layers: int,
    parts: Parts,
    deferred: list[RowGradient] | None = None,
) -> tuple[Parts, Parts]:
    """Return a batch's rows of `embeddings` and of `propagate(embeddings, (adjacency,) * n_layers)`.

    Args:
        embeddings: float32 of shape (n_nodes, d), users first.
        adjacency: The graph of every layer.
        n_layers: Number of layers.
        parts: Rows, each int64 of shape (n,), such as a batch's users, positives and negatives.
        deferred: A list that the backward pass appends its gradient to instead of making it dense (CPU, float32 only).

    Returns:
        For each part its rows of the embeddings, and for each part its rows of the propagated embeddings, float32 of
        shape (n, d).
    """
    if not _has_kernels(embeddings):
        final = propagate(embeddings, (adjacency,) * n_layers)
        return tuple(embeddings.index_select(0, part) for part in parts), tuple(
            final.index_select(0, part) for part in parts
        )
    gathered: Parts = _Gather.apply(embeddings, adjacency, n_layers, deferred, *parts)  # type: ignore[no-untyped-call]
    return gathered[: len(parts)], gathered[len(parts) :]


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, embeddings: torch.Tensor, layers: tuple[Adjacency, ...]) -> torch.Tensor:
        ctx.layers = layers
        if all(layer is layers[0] for layer in layers):
            return _horner(embeddings, layers)
        total = embeddings.clone()
        hidden = embeddings
        for layer in layers:
            hidden = _add_neighbours(layer, hidden, torch.zeros_like(hidden))
            total += hidden
        return total.div_(len(layers) + 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return _horner(gradient.contiguous(), ctx.layers), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        embeddings: torch.Tensor,
        adjacency: Adjacency,
        n_layers: int,
        deferred: list[RowGradient] | None,
        *parts: torch.Tensor,
    ) -> Parts:
        ctx.set_materialize_grads(False)
        ctx.deferred, ctx.lengths = deferred, [len(part) for part in parts]
        _copy_waiting(deferred)
        neighbourhood = Neighbourhood.around(adjacency, n_layers, torch.cat(parts).numpy())
        ctx.neighbourhood, ctx.width = neighbourhood, embeddings.shape[1]
        table = embeddings.detach().numpy()
        trained, final = neighbourhood.trained_rows(table), neighbourhood.final_rows(table)
        return (
            *torch.split(torch.from_numpy(trained), ctx.lengths),
            *torch.split(torch.from_numpy(final), ctx.lengths),
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        n_parts = len(ctx.lengths)
        trained = _joined(gradients[:n_parts], ctx.lengths, ctx.width)
        final = _joined(gradients[n_parts:], ctx.lengths, ctx.width)
        _copy_waiting(ctx.deferred)
        gradient = ctx.neighbourhood.gradient(final, trained, ctx.width)
        nothing = (None,) * (3 + n_parts)
        if ctx.deferred is not None:
            ctx.deferred.append(gradient)
            return None, *nothing
        return torch.from_numpy(gradient.dense()), *nothing


def _copy_waiting(deferred: list[RowGradient] | None) -> None:
    """Copy gradients that still wait for the optimiser, before they are overwritten; ordinary training has none."""
    if deferred:
        deferred[:] = [gradient.copied() for gradient in deferred]


def _joined(gradients: Sequence[torch.Tensor | None], lengths: list[int], width: int) -> Any:
    """Stack the gradients of the parts, with zeros for a part without one; None if no part has one."""
    if all(gradient is None for gradient in gradients):
        return None
    return np.concatenate(
        [
            np.zeros((length, width), dtype=np.float32) if gradient is None else gradient.numpy()
            for gradient, length in zip(gradients, lengths, strict=True)
        ]
    )


def _has_kernels(embeddings: torch.Tensor) -> bool:
    return embeddings.device.type == "cpu" and embeddings.dtype == torch.float32 and embeddings.is_contiguous()


def _horner(x: torch.Tensor, layers: tuple[Adjacency, ...]) -> torch.Tensor:
    accumulated = x
    for layer in reversed(layers):
        accumulated = _add_neighbours(layer, accumulated, x)
    return accumulated.div_(len(layers) + 1)


def _add_neighbours(adjacency: Adjacency, embeddings: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Return base + A @ embeddings, by the numba kernel on the CPU and by torch elsewhere."""
    if not _has_kernels(embeddings):
        matrix = adjacency.torch_csr(embeddings.device).to(embeddings.dtype)
        return torch.addmm(base, matrix, embeddings)
    out = np.empty(embeddings.shape, dtype=np.float32)
    source, start = (rows_of_all(tensor.detach().numpy()) for tensor in (embeddings, base))
    add_neighbours(adjacency.compiled, adjacency.every_node, source, start, out, numba.get_num_threads())
    return torch.from_numpy(out)
