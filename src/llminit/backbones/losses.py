"""The loss functions, on the embeddings of one batch.

All take float32 tensors of shape (batch_size, d) unless they say otherwise and return a scalar.
"""

import torch
import torch.nn.functional as F  # noqa: N812

# Keeps the logarithm finite, as in RecBole's BPRLoss.
BPR_GAMMA = 1e-10


def bpr(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(1e-10 + sigmoid(u.p - u.n)) (BPR, arXiv 1205.2618, with RecBole's offset)."""
    margin = (users * (positives - negatives)).sum(dim=1)
    return -torch.log(BPR_GAMMA + torch.sigmoid(margin)).mean()


def bpr_sum(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the sum of -log sigmoid(u.p - u.n), the form that SGL uses."""
    margin = (users * (positives - negatives)).sum(dim=1)
    return -F.logsigmoid(margin).sum()


def embedding_norm(*embeddings: torch.Tensor) -> torch.Tensor:
    """Return the sum of the tensors' un-squared Frobenius norms over the batch size (RecBole's EmbLoss)."""
    norms = torch.stack([torch.linalg.vector_norm(part) for part in embeddings])
    return norms.sum() / embeddings[-1].shape[0]


def supervised_contrastive(users: torch.Tensor, items: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return -sum log(exp(u.i / t) / (sum_u' exp(u.u' / t) + sum_i' exp(i.i' / t))) over cosine similarities.

    The sums run over the batch and include the pair of each row with itself (SGCL, arXiv 2507.13336).
    """
    users = F.normalize(users, dim=1)
    items = F.normalize(items, dim=1)
    positive = (users * items).sum(dim=1) / temperature
    among_users = torch.logsumexp(users @ users.T / temperature, dim=1)
    among_items = torch.logsumexp(items @ items.T / temperature, dim=1)
    return (torch.logaddexp(among_users, among_items) - positive).sum()
