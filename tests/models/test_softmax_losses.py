"""The softmax and its relatives against the papers' formulas, pair by pair."""

from typing import Any

import numpy as np
import pytest
import torch

import oracles
import oracles_losses
from llminit.models import softmax_losses as losses
from sample_graphs import vectors

USERS = torch.tensor([3, 1, 3, 0, 3, 1, 2])
ITEMS = torch.tensor([5, 6, 7, 5, 8, 9, 6, 1, 5, 2, 8])
QUANTILES = torch.tensor([0.3, -0.2, 0.8, 0.1])
OFFSETS = torch.linspace(-3, 1, len(ITEMS))
CASES: list[dict[str, Any]] = [
    {},
    {"loss": "sl@k", "weight_temperature": 0.1},
    {"loss": "bsl", "positive_temperature": 0.5},
    {"loss": "bsl", "negative_power": 1.4},
    *({"loss": "psl", "surrogate": name} for name in ("tanh", "atan", "relu")),
]


def evaluated(scores: losses.PairScores, options: dict[str, Any], temperature: float) -> torch.Tensor:
    """The loss that the options name."""
    loss = options.get("loss", "softmax")
    if loss == "sl@k":
        return losses.softmax_at_k(scores, temperature, QUANTILES[USERS], options["weight_temperature"])
    if loss == "bsl":
        inner = options.get("positive_temperature", temperature)
        power = options.get("negative_power", temperature / inner)
        return losses.bilateral_softmax(scores, temperature, USERS, inner, power)
    if loss == "psl":
        return losses.pairwise_softmax(scores, temperature, options["surrogate"])
    return losses.softmax(scores, temperature)


def rows(scale: float = 0.5) -> tuple[torch.Tensor, torch.Tensor]:
    """Users and columns of a batch of seven pairs and four more columns."""
    rng = np.random.default_rng(2)
    users, columns = (torch.from_numpy(vectors(rng, n, 6, scale=scale)) for n in (len(USERS), len(ITEMS)))
    return users, columns


@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("with_offsets", [False, True])
@pytest.mark.parametrize("options", CASES)
def test_loss_and_gradient_are_their_twins(options: dict[str, Any], *, with_offsets: bool, temperature: float) -> None:
    """Losses agree with float64 loops to 1e-5, their gradients to 1e-4, where some columns are left out."""
    left_out = torch.zeros((len(USERS), len(ITEMS)), dtype=torch.bool)
    left_out[1, [7, 9]] = left_out[4, 10] = True
    found = rows()
    for part in found:
        part.requires_grad_()
    offsets = OFFSETS if with_offsets else None
    loss = evaluated(losses.pair_scores(*found, ITEMS, offsets, left_out), options, temperature)
    expected = [oracles.tensor(row.detach()).requires_grad_() for row in found]
    cosines = torch.stack(
        [torch.stack([oracles.cosine(user, column) for column in expected[1]]) for user in expected[0]]
    )
    kept = (ITEMS[: len(USERS), None] != ITEMS) & ~left_out
    kept[range(len(USERS)), range(len(USERS))] = True
    shifts = OFFSETS.double().tolist() if with_offsets else [0.0] * len(ITEMS)
    named = options | {"temperature": temperature}
    quantiles = QUANTILES.tolist()
    expected_loss = oracles_losses.family_loss(cosines, kept.numpy(), USERS.tolist(), named, shifts, quantiles)
    assert loss.shape == ()
    assert float(loss.detach()) == pytest.approx(float(expected_loss.detach()), rel=1e-5)
    pairs = zip(torch.autograd.grad(loss, found), torch.autograd.grad(expected_loss, expected), strict=True)
    for gradient, expected_gradient in pairs:
        oracles.assert_close(gradient, expected_gradient, 1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 3.0])
def test_directau_is_its_twin(gamma: float) -> None:
    """Alignment and uniformity, and their gradient, are those of float64 loops."""
    users, items = (part[:7].requires_grad_() for part in rows())
    found = users, items
    expected = [oracles.tensor(row.detach()).requires_grad_() for row in found]
    loss, expected_loss = losses.directau(users, items, gamma), oracles_losses.directau(expected[0], expected[1], gamma)
    assert float(loss.detach()) == pytest.approx(float(expected_loss.detach()), rel=1e-5)
    pairs = zip(torch.autograd.grad(loss, found), torch.autograd.grad(expected_loss, expected), strict=True)
    for gradient, expected_gradient in pairs:
        oracles.assert_close(gradient, expected_gradient, 1e-4)


def test_directau_of_one_pair_is_its_alignment() -> None:
    """A batch of one pair has no two users: at a right angle only |u - i|^2 = 2 is left."""
    users, items = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    assert float(losses.directau(users, items, 5.0)) == pytest.approx(2)


def test_bsl_of_users_with_one_pair_is_the_softmax() -> None:
    """Without users to pool, the paper's formula is the softmax of the negatives' temperature, times t / p."""
    users, columns = rows()
    scores = losses.pair_scores(users, columns, ITEMS)
    loss = losses.bilateral_softmax(scores, 0.2, torch.arange(7), 0.5, 0.2 / 0.5)
    assert float(loss) == pytest.approx(0.4 * float(losses.softmax(scores, 0.2)), rel=1e-6)


def test_psl_of_small_differences_is_the_softmax() -> None:
    """Where all cosines are close, the surrogates are as good as the exponential of the same temperature."""
    generator = torch.Generator().manual_seed(0)
    cosines = 0.3 + 0.001 * torch.rand((7, 11), generator=generator, dtype=torch.float64)
    scores = losses.PairScores(cosines, torch.zeros((7, 11), dtype=torch.bool))
    for surrogate in ("tanh", "atan", "relu"):
        loss = losses.pairwise_softmax(scores, 0.2, surrogate)
        assert float(loss) == pytest.approx(float(losses.softmax(scores, 0.2)), rel=1e-5)


def test_sl_at_k_with_a_high_weight_temperature_is_half_the_softmax() -> None:
    """All weights then are sigmoid(0)."""
    scores = losses.pair_scores(*rows(), ITEMS)
    loss = losses.softmax_at_k(scores, 0.2, QUANTILES[USERS], 1e6)
    assert float(loss) == pytest.approx(float(losses.softmax(scores, 0.2)) / 2, rel=1e-5)


def test_the_anchor_by_hand() -> None:
    """A row at a right angle to its start costs 1 over the number of pairs, however long it is and often it occurs."""
    table = torch.tensor([[0.0, 5.0], [2.0, 0.0]])
    starts = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    nodes = torch.tensor([0, 1, 0, 0])
    assert float(losses.anchor(table[nodes], starts[nodes], nodes, 4)) == pytest.approx(1 / 4)


@pytest.mark.parametrize("options", CASES)
def test_zero_and_opposite_rows_have_finite_losses_and_gradients(options: dict[str, Any]) -> None:
    """Rows without a direction, and cosines of -1 and 1 at a low temperature, give finite numbers."""
    users, columns = rows()
    users[0], columns[1], columns[3:6] = 0, -users[1], users[3]
    columns[8] = -users[2]
    found = users.requires_grad_(), columns.requires_grad_()
    loss = evaluated(losses.pair_scores(users, columns, ITEMS), options, 0.02)
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(loss, found))
