"""DEQL minimises its objective over everything that dropout can drop."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from llminit.errors import ConfigError
from llminit.models import LinearItemModel
from llminit.models.baselines.deql import DEQL
from llminit.models.baselines.ease import EASE
from llminit.models.baselines.edlae import EDLAE

OPTIONS = [(0.3, 0.25, 2.0), (0.5, 1.0, 0.5), (0.8, 4.0, 5.0), (0.2, 0.0, 3.0), (0.0, 0.5, 2.0)]


def train(seed: int = 0, n_users: int = 12, n_items: int = 5) -> np.ndarray:
    """Values other than one too, and an item without interactions."""
    rng = np.random.default_rng(seed)
    rows = ((rng.random((n_users, n_items)) < 0.5) * rng.integers(1, 3, (n_users, n_items))).astype(np.float32)
    rows[:, 2] = 0
    return rows


def weights(model: object) -> np.ndarray:
    assert isinstance(model, LinearItemModel)
    return np.asarray(model.weights)


def objective(rows: torch.Tensor, weights: torch.Tensor, dropout: float, kept_weight: float, l2: float) -> torch.Tensor:
    """The mean over each user's every way to drop items, written out, of the weighted squared errors."""
    total = torch.zeros((), dtype=torch.float64)
    for kept in product((0.0, 1.0), repeat=rows.shape[1]):
        mask = torch.tensor(kept, dtype=torch.float64)
        chance = float(((1 - dropout) ** mask * dropout ** (1 - mask)).prod())
        errors = rows - (rows * mask / (1 - dropout)) @ weights
        total = total + chance * ((kept_weight * mask + (1 - mask)) * errors**2).sum()
    return total / (dropout + (1 - dropout) * kept_weight) + l2 * (weights**2).sum()


@pytest.mark.parametrize(("dropout", "kept_weight", "l2"), OPTIONS)
def test_the_gradient_of_its_objective_is_zero(dropout: float, kept_weight: float, l2: float) -> None:
    """By autograd through the mean over all masks, and any other weights are worse; the diagonal is a result too."""
    rows = torch.from_numpy(train()).double()
    found = weights(DEQL(dropout=dropout, kept_weight=kept_weight, l2=l2).fit(csr_array(train())))
    solution = torch.tensor(found, dtype=torch.float64, requires_grad=True)
    least = objective(rows, solution, dropout, kept_weight, l2)
    (gradient,) = torch.autograd.grad(least, solution)
    assert float(gradient.abs().max()) < 1e-4
    other = solution.detach() + 0.01 * torch.randn(
        5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    assert float(objective(rows, other, dropout, kept_weight, l2)) > float(least.detach())


def test_it_is_edlae_where_kept_inputs_do_not_count() -> None:
    """With kept_weight = 0 the weights are EDLAE's, to the last bit; else each column is in proportion to EDLAE's."""
    matrix = csr_array(train(1, 40, 8))
    edlae = weights(EDLAE(dropout=0.4, l2=3).fit(matrix))
    assert np.array_equal(weights(DEQL(dropout=0.4, kept_weight=0, l2=3).fit(matrix)), edlae)
    found = weights(DEQL(dropout=0.4, kept_weight=0.7, l2=3).fit(matrix))
    active = [item for item in range(8) if item != 2]
    assert (found.diagonal()[active] > 0).all()
    for item in active:
        others = np.delete(np.arange(8), [item, 2])
        ratios = found[others, item] / edlae[others, item]
        assert ratios == pytest.approx(ratios[0], rel=1e-3)
        assert 0 < ratios[0] < 1


def test_without_dropout_it_is_an_unconstrained_ridge_regression() -> None:
    """With p = 0 nothing is dropped, and the weights are (G + l2)^-1 G; EASE with the diagonal kept at zero differs."""
    rows = train(2, 30, 6)
    gram = rows.T.astype(np.float64) @ rows
    found = weights(DEQL(dropout=0, kept_weight=2, l2=4).fit(csr_array(rows)))
    assert found == pytest.approx(np.linalg.solve(gram + 4 * np.eye(6), gram), abs=1e-5)
    assert found != pytest.approx(weights(EASE(l2=4).fit(csr_array(rows))), abs=0.01)


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"kept_weight": -0.1}, {"l2": 0.0}])
def test_options_that_cannot_be_used_are_refused(options: dict[str, float]) -> None:
    """A ConfigError names the option; too many items are refused before anything is allocated."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        DEQL.make(**options)
    wide = csr_array((np.ones(1, dtype=np.float32), ([0], [0])), shape=(1, 200_000))
    with pytest.raises(ConfigError, match=r"DEQL .*needs 596\.0 GiB"):
        DEQL().fit(wide)
