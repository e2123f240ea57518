"""The compiled steps of the softmax's relatives equal autograd, for both backbones."""

from typing import Any

import numba
import numpy as np
import pytest
import torch

import oracles
import oracles_losses
from llminit.arrays import IntArray
from llminit.config import TrainingConfig
from llminit.graph import normalized_adjacency
from llminit.models import BACKBONES, Backbone
from llminit.models.sampled_softmax import SampledSoftmax
from llminit.training import step, train
from llminit.training.optimizer import Adam
from sample_graphs import pairs_of, random_pairs, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

MORE: dict[str, Any] = {"sampled_negatives": True, "log_q": 0.5, "temperature": 0.3}
CASES: list[dict[str, Any]] = [
    {"loss": "sl@k", "weight_temperature": 0.2},
    {"loss": "sl@k", "quantile_every": 2, "anchor_weight": 2.0, **MORE},
    {"loss": "bsl", "positive_temperature": 0.4},
    {"loss": "bsl", "negative_power": 1.3, **MORE},
    {"loss": "psl"},
    {"loss": "psl", "surrogate": "atan", **MORE},
    {"loss": "psl", "surrogate": "relu", "anchor_weight": 0.5},
    {"anchor_weight": 3.0, **MORE},
]
NAMES = ["softmax", "history"]


def make(name: str, options: dict[str, Any], width: int = 5) -> SampledSoftmax:
    """The backbone on 30 users and 50 items: some have no interaction, and some many."""
    rng, kind = np.random.default_rng(4), BACKBONES[name]
    users, items = random_pairs(np.random.default_rng(8), 25, 40, 200)
    adjacency = normalized_adjacency(np.append(users, 28), np.append(items, 3), 30, 50)
    backbone = kind(vectors(rng, 30, width), vectors(rng, 50, width), adjacency, kind.options_type.make(**options))
    assert isinstance(backbone, SampledSoftmax)
    if options.get("loss") == "sl@k":
        backbone.quantiles.copy_(torch.from_numpy(rng.normal(scale=0.3, size=30).astype(np.float32)))
    return backbone


def draw_triples(backbone: Backbone) -> IntArray:
    """200 pairs of the training data, some several times, with their negatives where the options ask for them."""
    rng = np.random.default_rng(6)
    users, items = (codes[rng.integers(0, len(codes), 200)] for codes in backbone.adjacency.edges)
    triples = np.stack([users, items + 30, rng.integers(30, 80, 200)])
    return triples if backbone.uses_negatives else triples[:2]


def loss_by_hand(
    table: torch.Tensor, start: torch.Tensor, triples: IntArray, options: dict[str, Any], backbone: SampledSoftmax
) -> tuple[torch.Tensor, set[int]]:
    """The loss of a batch, and the rows of the table that it touches."""
    users, columns = triples[0].tolist(), triples[1:].reshape(-1) - 30
    items = table[30:] if backbone.has_user_table else table
    others: list[list[int]] = [[] for _ in users]
    rows = [table[user] for user in users]
    touched = {*users, *(columns + 30).tolist()}
    if not backbone.has_user_table:
        pairs = pairs_of(backbone.adjacency)
        others = [[i for u, i in pairs if u == user and i != own] for user, own in zip(users, columns, strict=False)]
        units = items / items.norm(dim=1, keepdim=True)
        rows = [units[history].sum(dim=0) for history in others]
        touched = {*columns.tolist(), *(item for history in others for item in history)}
    lengths = [row.norm().clamp_min(1e-12) for row in rows]
    cosines = torch.stack([items[columns] @ row / length for row, length in zip(rows, lengths, strict=True)])
    cosines = cosines / items[columns].norm(dim=1)
    kept = np.array(
        [[c == a or columns[c] not in {columns[a], *others[a]} for c in range(len(columns))] for a in range(len(users))]
    )
    counts = np.bincount(backbone.adjacency.edges[1], minlength=50)
    shifts = options.get("log_q", 0.0) * np.log(np.maximum(counts, 1) / counts.sum())[columns]
    quantiles = backbone.quantiles.tolist() if options.get("loss") == "sl@k" else []
    loss = oracles_losses.family_loss(cosines, kept, users, options, shifts.tolist(), quantiles)
    weight = options.get("anchor_weight", 0.0)
    return loss + weight * oracles_losses.anchor(table, start, touched, len(users)), touched


@pytest.mark.parametrize("batch_size", [64, 150])
@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradient_of_a_step_are_those_by_hand(name: str, options: dict[str, Any], batch_size: int) -> None:
    """A step's loss, and its gradient, ten times Adam's first mean, are float64 autograd's; other rows keep still."""
    backbone = make(name, options)
    triples, start = draw_triples(backbone), backbone.embeddings.detach().double().clone()
    for first in range(0, 200, batch_size):
        batch, table = triples[:, first : first + batch_size], backbone.embeddings.detach().double().requires_grad_()
        expected, touched = loss_by_hand(table, start, batch, options, backbone)
        assert backbone.compiled_loss() is not None
        optimizer = Adam(backbone, 0.01)
        loss = step.steps_of(backbone, optimizer, batch_size)(batch)
        assert loss == pytest.approx(float(expected.detach()), rel=2e-5)
        found = optimizer.moments["embeddings"].mean / 0.1
        oracles.assert_close(found, torch.autograd.grad(expected, table)[0], 1e-4)
        assert set(found.any(dim=1).nonzero()[:, 0].tolist()) <= touched


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_the_compiled_loss_trains_as_the_loss(name: str, options: dict[str, Any]) -> None:
    """Over three epochs, with quantiles that are estimated anew, embeddings and losses agree within rounding."""
    config = TrainingConfig(epochs=3, train_batch_size=64, learning_rate=0.01)
    fast, slow = make(name, options, 16), make(name, options, 16)
    slow.compiled_loss = lambda: None  # type: ignore[method-assign]
    found, expected = train(fast, config, seed=2), train(slow, config, seed=2)
    oracles.assert_close(fast.embeddings.detach(), slow.embeddings.detach(), 2e-4)
    assert [epoch.loss for epoch in found.history] == pytest.approx([epoch.loss for epoch in expected.history], 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_no_bit(name: str) -> None:
    """One thread and two give the same bits and the same loss, over several chunks of anchors and with an anchor."""
    options, results = {"loss": "bsl", "positive_temperature": 0.3, "anchor_weight": 1.0}, []
    for n_threads in (1, 2):
        backbone, before = make(name, options, 32), numba.get_num_threads()
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
        history = train(backbone, TrainingConfig(epochs=2, train_batch_size=150)).history
        numba.set_num_threads(before)
        results.append((backbone.embeddings.detach().clone(), [epoch.loss for epoch in history]))
    assert torch.equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@pytest.mark.parametrize("surrogate", ["tanh", "atan", "relu"])
@pytest.mark.parametrize("name", NAMES)
def test_opposite_and_repeated_items_are_finite(name: str, surrogate: str) -> None:
    """PSL of cosines of -1 and 1, at a low temperature, has a finite loss and step: no surrogate's logarithm is NaN."""
    backbone = make(name, {"loss": "psl", "surrogate": surrogate, "temperature": 0.02})
    with torch.no_grad():
        backbone.embeddings[::2] = backbone.embeddings[0]
        backbone.embeddings[1::2] = -backbone.embeddings[0]
    loss = step.steps_of(backbone, Adam(backbone, 0.1), 200)(draw_triples(backbone))
    assert np.isfinite(loss)
    assert torch.isfinite(backbone.embeddings.detach()).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", [{"loss": "directau"}, {"learn_temperature": True}])
def test_what_has_no_compiled_step_says_so(name: str, options: dict[str, Any]) -> None:
    """DirectAU and a learned temperature are trained by autograd."""
    assert make(name, options).compiled_loss() is None
