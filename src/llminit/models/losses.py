"""The loss functions on the embeddings of one batch, as the papers define them.

All take float tensors of shape (batch_size, d) unless they say otherwise and return a scalar; autograd computes their
gradients. `llminit.compiled` has kernels for some of them, and the functions here are the kernels' slow twins.
`info_nce.py` has SGL's contrastive loss, `softmax_losses.py` the softmax and its relatives.
"""

import torch
import torch.nn.functional as F  # noqa: N812

from llminit.compiled.bpr import BPR_GAMMA


def bpr(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log(1e-10 + sigmoid(u.p - u.n)) (BPR, arXiv 1205.2618, with RecBole's offset)."""
    return -torch.log(BPR_GAMMA + torch.sigmoid(_margins(users, positives, negatives))).mean()


def bpr_sum(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    """Return the sum of -log sigmoid(u.p - u.n), the form that SGL uses."""
    return -F.logsigmoid(_margins(users, positives, negatives)).sum()


def embedding_norm(*embeddings: torch.Tensor) -> torch.Tensor:
    """Return the sum of the tensors' un-squared Frobenius norms over the batch size (RecBole's EmbLoss)."""
    return torch.stack([torch.linalg.vector_norm(part) for part in embeddings]).sum() / len(embeddings[-1])


def supervised_contrastive(users: torch.Tensor, items: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return -sum log(exp(u.i / t) / (sum_u' exp(u.u' / t) + sum_i' exp(i.i' / t))) over cosine similarities.

    The sums run over the batch and include the pair of each row with itself (SGCL, arXiv 2507.13336).
    """
    users, items = F.normalize(users), F.normalize(items)
    # A cosine is at most 1, so a shift by 1 / t keeps all exponentials below 1.
    totals = sum(((rows @ rows.T - 1) / temperature).exp().sum(dim=1) for rows in (users, items))
    shifted = (1 - (users * items).sum(dim=1)) / temperature
    return (torch.log(torch.as_tensor(totals)) + shifted).sum()


def _margins(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    return (users * (positives - negatives)).sum(dim=1)
