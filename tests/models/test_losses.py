"""Loss functions against the papers' formulas, term by term."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
import torch

import oracles
from llminit.arrays import FloatArray
from llminit.models import losses
from sample_graphs import vectors

Loss: TypeAlias = Callable[..., torch.Tensor]


def draws(n_parts: int, *, scale: float, duplicates: bool, seed: int = 0) -> list[FloatArray]:
    """Draw batches of rows; with `duplicates` each batch holds some rows several times."""
    rng = np.random.default_rng(seed)
    parts = [vectors(rng, 9, 6, scale=scale) for _ in range(n_parts)]
    order = np.array([0, 1, 2, 0, 0, 5, 6, 1, 8]) if duplicates else np.arange(9)
    return [part[order] for part in parts]


CASES: dict[str, tuple[int, Loss, Loss]] = {
    "bpr": (3, losses.bpr, oracles.bpr),
    "bpr_sum": (3, losses.bpr_sum, oracles.bpr_sum),
    "embedding_norm": (3, losses.embedding_norm, oracles.embedding_norm),
    "supervised": (
        2,
        lambda users, items: losses.supervised_contrastive(users, items, 0.2),
        lambda users, items: oracles.supervised_contrastive(users, items, 0.2),
    ),
}


@pytest.mark.parametrize("duplicates", [False, True])
@pytest.mark.parametrize("scale", [0.01, 0.5, 2.0])
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_their_twins(case: str, scale: float, duplicates: bool) -> None:
    """Losses agree with float64 loops to 1e-5, their gradients to 1e-4, for small and large rows and repeated ones."""
    n_parts, fast, slow = CASES[case]
    arrays = draws(n_parts, scale=scale, duplicates=duplicates)
    found = [torch.from_numpy(array).requires_grad_() for array in arrays]
    expected = [oracles.tensor(array).requires_grad_() for array in arrays]
    loss, expected_loss = fast(*found), slow(*expected)
    assert loss.shape == ()
    assert float(loss.detach()) == pytest.approx(float(expected_loss.detach()), rel=1e-5)
    pairs = zip(
        torch.autograd.grad(loss, found, allow_unused=True),
        torch.autograd.grad(expected_loss, expected, allow_unused=True),
        strict=True,
    )
    for gradient, expected_gradient in pairs:
        oracles.assert_close(gradient, expected_gradient, 1e-4)


def test_contrastive_losses_by_hand() -> None:
    """One pair of equal directions: SGCL gives log 2 (self terms included)."""
    row = torch.tensor([[3.0, 4.0]])
    assert float(losses.supervised_contrastive(row, 2 * row, 0.2)) == pytest.approx(np.log(2), rel=1e-6)


def test_embedding_norm_by_hand() -> None:
    """Un-squared norms are summed and divided by the batch size."""
    parts = [torch.tensor([[3.0, 0.0], [0.0, 4.0]]), torch.tensor([[6.0, 8.0], [0.0, 0.0]])]
    assert float(losses.embedding_norm(*parts)) == pytest.approx((5 + 10) / 2)


def test_a_large_negative_margin_stays_finite() -> None:
    """BPR's offset keeps the logarithm finite: a margin of -200 costs -log(1e-10)."""
    user, positive, negative = torch.tensor([[10.0]]), torch.tensor([[-10.0]]), torch.tensor([[10.0]])
    assert float(losses.bpr(user, positive, negative)) == pytest.approx(-np.log(1e-10), rel=1e-5)
    assert float(losses.bpr_sum(user, positive, negative)) == pytest.approx(200)


def test_zero_rows_have_finite_losses_and_gradients() -> None:
    """Rows of zeros, which have no direction, give finite norms and cosines."""
    users, items = (torch.zeros((3, 4), requires_grad=True) for _ in range(2))
    total = losses.embedding_norm(users, items) + losses.supervised_contrastive(users, items, 0.2)
    gradients = torch.autograd.grad(total, (users, items))
    assert torch.isfinite(total)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
