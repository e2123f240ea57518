"""LightGCN's propagation: the mean over layers of repeatedly multiplied embeddings, as one autograd function.

With A_1 ... A_L the (symmetric) adjacency of each layer, the forward pass is

    out = (x + A_1 x + A_2 A_1 x + ... + A_L ... A_1 x) / (L + 1),

so the gradient needs no saved layers. By Horner's rule it is

    grad_x = (g + A_1 (g + A_2 (... (g + A_L g)))) / (L + 1).

Where every layer has the same A, powers of A commute and the forward pass takes the same form.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from llminit.graph.adjacency import Adjacency
from llminit.graph.kernels import add_neighbours


def propagate(embeddings: torch.Tensor, layers: Sequence[Adjacency]) -> torch.Tensor:
    """Average the embeddings of layers 0 to L (arXiv 2002.02126, eq. 4 and 8).

    Args:
        embeddings: float32 of shape (n_nodes, d), users first.
        layers: One adjacency a layer; usually the same one L times.

    Returns:
        float32 of shape (n_nodes, d).
    """
    if not layers:
        return embeddings
    result: torch.Tensor = _Propagate.apply(embeddings.contiguous(), tuple(layers))  # type: ignore[no-untyped-call]
    return result


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


def _horner(x: torch.Tensor, layers: tuple[Adjacency, ...]) -> torch.Tensor:
    accumulated = x
    for layer in reversed(layers):
        accumulated = _add_neighbours(layer, accumulated, x)
    return accumulated.div_(len(layers) + 1)


def _add_neighbours(adjacency: Adjacency, embeddings: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Return base + A @ embeddings, by the numba kernel on the CPU and by torch elsewhere."""
    if embeddings.device.type != "cpu" or embeddings.dtype != torch.float32:
        matrix = adjacency.torch_csr(embeddings.device).to(embeddings.dtype)
        return torch.addmm(base, matrix, embeddings)
    out = np.empty(embeddings.shape, dtype=np.float32)
    add_neighbours(
        adjacency.indptr,
        adjacency.indices,
        adjacency.weights,
        embeddings.detach().numpy(),
        base.detach().numpy(),
        out,
    )
    return torch.from_numpy(out)
