"""The loss functions, on the embeddings of one batch.

All take float tensors of shape (batch_size, d) unless they say otherwise and return a scalar. Their gradients are
written by hand next to them: a batch is small, so the many little operations that autograd would record cost more than
the arithmetic. `contrast.py` has SGL's InfoNCE, which is large.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch.autograd.function import once_differentiable

from llminit.backbones.kernels import BPR_GAMMA
from llminit.products import product


def bpr(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(1e-10 + sigmoid(u.p - u.n)) (BPR, arXiv 1205.2618, with RecBole's offset)."""
    return _applied(_Margin, users, positives, negatives, _mean_log_sigmoid)


def bpr_sum(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the sum of -log sigmoid(u.p - u.n), the form that SGL uses."""
    return _applied(_Margin, users, positives, negatives, _sum_log_sigmoid)


def embedding_norm(*embeddings: torch.Tensor) -> torch.Tensor:
    """Return the sum of the tensors' un-squared Frobenius norms over the batch size (RecBole's EmbLoss)."""
    return _applied(_EmbeddingNorm, *embeddings)


def supervised_contrastive(users: torch.Tensor, items: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return -sum log(exp(u.i / t) / (sum_u' exp(u.u' / t) + sum_i' exp(i.i' / t))) over cosine similarities.

    The sums run over the batch and include the pair of each row with itself (SGCL, arXiv 2507.13336).
    """
    return _applied(_SupervisedContrastive, users, items, temperature)


def _applied(function: type[torch.autograd.Function], *arguments: Any) -> torch.Tensor:
    value: torch.Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
    return value


def _mean_log_sigmoid(margin: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean(-log(gamma + s)), s = sigmoid(margin), and its slope at each margin, -s (1 - s) / (gamma + s) / n."""
    sigmoid = torch.sigmoid(margin)
    shifted = sigmoid + BPR_GAMMA
    return -shifted.log().mean(), (sigmoid - 1) * sigmoid / (shifted * len(margin))


def _sum_log_sigmoid(margin: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sum(-log sigmoid(margin)) and its slope at each margin, sigmoid(margin) - 1."""
    return -F.logsigmoid(margin).sum(), -torch.sigmoid(-margin)


class _Margin(torch.autograd.Function):
    """A loss of the margins u.(p - n), whose gradients are the slopes times p - n, u and -u."""

    @staticmethod
    def forward(
        ctx: Any, users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor, loss_of: Any
    ) -> torch.Tensor:
        difference = positives - negatives
        value, slope = loss_of((users * difference).sum(dim=1))
        ctx.save_for_backward(users, difference, slope)
        result: torch.Tensor = value
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        users, difference, slope = ctx.saved_tensors
        scale = (slope * gradient).unsqueeze(1)
        towards_positive = users * scale
        return difference * scale, towards_positive, -towards_positive, None


class _EmbeddingNorm(torch.autograd.Function):
    """The sum of ||X|| / n; its gradient is X / (n ||X||), and zero where X is."""

    @staticmethod
    def forward(ctx: Any, *embeddings: torch.Tensor) -> torch.Tensor:
        norms = torch.stack([torch.linalg.vector_norm(part) for part in embeddings])
        ctx.save_for_backward(norms, *embeddings)
        return norms.sum() / len(embeddings[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        norms, *embeddings = ctx.saved_tensors
        scales = torch.where(norms > 0, gradient / (norms * len(embeddings[-1])), 0)
        return tuple(part * scale for part, scale in zip(embeddings, scales, strict=True))


class _SupervisedContrastive(torch.autograd.Function):
    """With U and I normalised, S = U U' / t, T = I I' / t and both softmaxes over the joint sum, written P and Q.

    d loss / d U = ((P + P') U - I) / t and d loss / d I = ((Q + Q') I - U) / t; what lies along a row of U or I falls
    away when the normalisation is undone. A cosine is at most 1, so a shift by 1 / t keeps all exponentials below 1.
    """

    @staticmethod
    def forward(ctx: Any, users: torch.Tensor, items: torch.Tensor, temperature: float) -> torch.Tensor:
        user_norms, item_norms = (rows.norm(dim=1, keepdim=True).clamp_min(1e-12) for rows in (users, items))
        users, items = users / user_norms, items / item_norms
        among_users, among_items = (
            product(rows, rows.T).sub_(1).mul_(1 / temperature).exp_() for rows in (users, items)
        )
        totals = among_users.sum(dim=1) + among_items.sum(dim=1)
        cosines = (users * items).sum(dim=1)
        ctx.save_for_backward(users, items, user_norms, item_norms, among_users, among_items, totals)
        ctx.temperature = temperature
        return (totals.log() + (1 - cosines) / temperature).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        users, items, user_norms, item_norms, among_users, among_items, totals = ctx.saved_tensors
        scale, shares = gradient / ctx.temperature, (1 / totals).unsqueeze(1)
        return (
            _across(users, (product(_symmetric(among_users * shares), users) - items) * (scale / user_norms)),
            _across(items, (product(_symmetric(among_items * shares), items) - users) * (scale / item_norms)),
            None,
        )


def _symmetric(matrix: torch.Tensor) -> torch.Tensor:
    return matrix + matrix.T


def _across(directions: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """Remove from each row of a gradient what lies along the row's direction."""
    return gradients - directions * (directions * gradients).sum(dim=1, keepdim=True)
