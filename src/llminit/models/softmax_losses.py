"""The softmax's family: losses over the cosines of a batch's users with its items, as the papers define them.

Each pair (u, i) of the batch has the cosine s_ui, and negatives j, which are the other columns; d_uij = s_uj - s_ui.
The user's own item is always one of its columns, so that no sum is empty. o_j is the offset of a column, which corrects
for how often it is drawn. With t the temperature and C = log sum_j exp((s_uj - s_ui) / t - (o_j - o_i)), the
cross-entropy of a pair, the losses are means over the pairs of

- softmax: C (sampled softmax, arXiv 2201.02327);
- SL@K: sigmoid((s_ui - b_u) / w) C, b_u an estimate of the user's K-th highest cosine (arXiv 2508.05673, eq. 3.5);
- BSL: -log mean_p exp(s_up / p) + a log sum_j exp(s_uj / t), p over the user's pairs in the batch (arXiv 2312.12882);
- PSL: log sum_j v(d_uij / 2)^(2 / t), v a surrogate of the step at zero (arXiv 2411.00163, eq. 4.1).

`directau` compares rows of the same side instead (arXiv 2206.12811). `llminit.compiled` has steps for all but that one;
the functions here are their plain twins, whose gradients autograd computes.
"""

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812

Temperature = float | torch.Tensor
Surrogate = Literal["tanh", "atan", "relu"]

_LEAST = 1e-6
"""The least value of a surrogate, whose logarithm is taken."""


class PairScores(NamedTuple):
    """The cosines of a batch.

    Attributes:
        cosines: Shape (batch_size, n_columns); the first batch_size columns are the users' own items.
        left_out: bool of the same shape: columns that are no negative of the user; false at the own items.
        offsets: Shape (n_columns,), taken from the logits: the log-probability of drawing the item, times a weight (the
            logQ correction of Yi et al., RecSys 2019). None takes nothing.
    """

    cosines: torch.Tensor
    left_out: torch.Tensor
    offsets: torch.Tensor | None = None

    @property
    def own(self) -> torch.Tensor:
        """The columns of the own items: int64 of shape (batch_size,)."""
        return torch.arange(len(self.cosines), device=self.cosines.device)

    @property
    def own_cosines(self) -> torch.Tensor:
        """Shape (batch_size,)."""
        return self.cosines.diagonal()

    def logits(self, temperature: Temperature) -> torch.Tensor:
        """Return cosines over the temperature, less the offsets; -inf where a column is left out."""
        logits = self.cosines / temperature
        logits = logits if self.offsets is None else logits - self.offsets
        return logits.masked_fill(self.left_out, -torch.inf)


def pair_scores(
    users: torch.Tensor,
    columns: torch.Tensor,
    items: torch.Tensor,
    offsets: torch.Tensor | None = None,
    left_out: torch.Tensor | None = None,
) -> PairScores:
    """Return the cosines of users with columns. A user's own item is no negative of theirs.

    Args:
        users: Shape (batch_size, d).
        columns: Shape (n_columns, d); the first batch_size are the users' own items.
        items: int64 of shape (n_columns,), which items these are.
        offsets: See `PairScores`.
        left_out: bool of shape (batch_size, n_columns), what else is no negative; false at the own items.
    """
    cosines = F.normalize(users) @ F.normalize(columns).T
    repeated = items == items[: len(users), None]
    own = torch.arange(len(users), device=users.device)
    repeated[own, own] = False
    return PairScores(cosines, repeated if left_out is None else repeated | left_out, offsets)


def softmax(scores: PairScores, temperature: Temperature) -> torch.Tensor:
    """Return the mean of -log(exp(s_ui / t - o_i) / sum_j exp(s_uj / t - o_j))."""
    return F.cross_entropy(scores.logits(temperature), scores.own)


def softmax_at_k(
    scores: PairScores, temperature: Temperature, quantiles: torch.Tensor, weight_temperature: float
) -> torch.Tensor:
    """Return the mean of sigmoid((s_ui - b_u) / w) C; the gradient flows through the weight too, as in the paper.

    Args:
        scores: The cosines.
        temperature: t, what cosines are divided by.
        quantiles: b, shape (batch_size,), one for each pair's user; see `llminit.models.quantiles`.
        weight_temperature: w.
    """
    losses = F.cross_entropy(scores.logits(temperature), scores.own, reduction="none")
    return (torch.sigmoid((scores.own_cosines - quantiles) / weight_temperature) * losses).mean()


def bilateral_softmax(
    scores: PairScores, temperature: Temperature, users: torch.Tensor, positive_temperature: float, power: float
) -> torch.Tensor:
    """Return the mean of -log mean_p exp(s_up / p) + a log sum_j exp(s_uj / t - (o_j - o_i)).

    Args:
        scores: The cosines.
        temperature: t, of the negatives.
        users: int64 of shape (batch_size,), which users these are; the mean is over the pairs of the same one.
        positive_temperature: p, of the positives.
        power: a. The paper's formula has t / p; the authors' code has p = t and a number of its own.
    """
    losses = F.cross_entropy(scores.logits(temperature), scores.own, reduction="none")
    over_negatives = losses + scores.own_cosines / temperature
    same = users == users[:, None]
    pulls = (scores.own_cosines / positive_temperature).expand(len(users), -1).masked_fill(~same, -torch.inf)
    return (power * over_negatives - torch.logsumexp(pulls, dim=1) + same.sum(dim=1).log()).mean()


def pairwise_softmax(scores: PairScores, temperature: Temperature, surrogate: Surrogate) -> torch.Tensor:
    """Return the mean of log sum_j v(d_uij / 2)^(2 / t) exp(o_i - o_j).

    v is 1 + tanh, 1 + arctan or 1 + the identity (not below 0), so v(0) = v'(0) = 1: for small differences PSL is the
    softmax of the same temperature. The paper halves the cosines and has 1 / t as the exponent: its temperature is half
    of this one.
    """
    own = scores.own_cosines[:, None]
    # The difference of a column that is left out plays no part, but must not be -inf.
    halves = ((scores.cosines - own) / 2).masked_fill(scores.left_out, 0.0)
    powers = torch.log(_surrogate(halves, surrogate)) * 2 / temperature
    if scores.offsets is not None:
        powers = powers - (scores.offsets - scores.offsets[: len(own), None])
    return torch.logsumexp(powers.masked_fill(scores.left_out, -torch.inf), dim=1).mean()


def directau(users: torch.Tensor, items: torch.Tensor, gamma: float) -> torch.Tensor:
    """Return the mean of |u - i|^2 plus gamma times the mean of both sides' uniformity, on rows of length 1.

    The uniformity of a side is log mean exp(-2 |x - x'|^2) over all two entries of the batch, as in the authors' code:
    a user or item that is there twice counts as two entries. It is 0 for a batch of one pair.
    """
    users, items = F.normalize(users), F.normalize(items)
    alignment = (users - items).square().sum(dim=1).mean()
    return alignment + gamma * (_uniformity(users) + _uniformity(items)) / 2


def anchor(rows: torch.Tensor, starts: torch.Tensor, nodes: torch.Tensor, n_pairs: int) -> torch.Tensor:
    """Return half the sum of |x - x0|^2 over the distinct rows of a batch, over its number of pairs.

    Args:
        rows: Shape (n, d), the trained rows of the batch; x is such a row at length 1.
        starts: x0, shape (n, d), what they started from at length 1.
        nodes: int64 of shape (n,), which rows these are; one that is there several times counts once.
        n_pairs: Pairs of the batch.
    """
    _, index, counts = torch.unique(nodes, return_inverse=True, return_counts=True)
    distances = (F.normalize(rows) - starts).square().sum(dim=1)
    total: torch.Tensor = (distances / counts[index]).sum() / (2 * n_pairs)
    return total


def _surrogate(differences: torch.Tensor, surrogate: Surrogate) -> torch.Tensor:
    if surrogate == "tanh":
        return torch.tanh(differences) + 1
    if surrogate == "atan":
        return torch.atan(differences) + 1
    return torch.relu(differences + 1).clamp_min(_LEAST)


def _uniformity(units: torch.Tensor) -> torch.Tensor:
    n_rows = len(units)
    if n_rows < 2:
        return units.new_zeros(())
    first, second = torch.triu_indices(n_rows, n_rows, offset=1, device=units.device)
    # |x - y|^2 is 2 - 2 x.y at length 1.
    powers = 4 * (units @ units.T)[first, second] - 4
    total: torch.Tensor = torch.logsumexp(powers, dim=0) - math.log(len(first))
    return total
