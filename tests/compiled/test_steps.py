"""Compiled steps equal those of autograd and Adam."""

from typing import Any

import numpy as np
import pytest
import torch

import oracles
from llminit.compiled.bpr import bpr_gradient, norm_gradient
from llminit.compiled.steps import CompiledLoss
from llminit.compiled.supervised_contrastive import supervised_contrastive_gradient
from llminit.config import TrainingConfig
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models import BACKBONES, Backbone
from llminit.models.bpr import BPRBackbone
from llminit.training import step, train
from llminit.training.optimizer import Adam
from llminit.training.step import CompiledSteps
from sample_graphs import pairs_of, random_pairs, small_graph, vectors

LOSSES = [("mf", {}), ("mf", {"reg_weight": 0.1}), ("lightgcn", {"n_layers": 0, "reg_weight": 0.1})]
LOSSES += [("lightgcn", {"n_layers": count, "reg_weight": weight}) for count in (1, 2, 3) for weight in (0, 0.1)]
LOSSES += [("sgcl", {"n_layers": count, "temperature": 0.3}) for count in (0, 1, 2)]
# With one column all cosines are 1 or -1: SGCL's gradient is zero, and Adam's steps are rounding errors.
CASES = [(*loss, width) for loss in LOSSES for width in (1, 5, 32) if (loss[0], width) != ("sgcl", 1)]


def make(name: str, options: dict[str, Any], width: int = 5, adjacency: Adjacency | None = None) -> Backbone:
    rng, kind = np.random.default_rng(4), BACKBONES[name]
    graph = adjacency or small_graph()
    rows = vectors(rng, graph.n_users, width), vectors(rng, graph.n_items, width)
    return kind(*rows, graph, kind.options_type.make(**options))


def sparse_graph() -> Adjacency:
    """30 users and 50 items of which some have no interaction and some users have many."""
    pairs = random_pairs(np.random.default_rng(8), 25, 40, 200)
    return normalized_adjacency(*pairs, 30, 50)


def without_compiling(backbone: Backbone) -> Backbone:
    """The same backbone with its loss as an instance attribute, which has no compiled step."""
    backbone.loss = type(backbone).loss.__get__(backbone)  # type: ignore[method-assign]
    return backbone


@pytest.mark.parametrize("batch_size", [7, 32, 10_000])
@pytest.mark.parametrize(("name", "options", "width"), CASES)
def test_steps_are_those_of_autograd(name: str, options: dict[str, Any], width: int, batch_size: int) -> None:
    """Over two epochs with isolated nodes and repeated rows, embeddings and losses agree within float32's rounding."""
    config = TrainingConfig(epochs=2, train_batch_size=batch_size, learning_rate=0.01)
    fast, slow = (make(name, options, width, sparse_graph()) for _ in range(2))
    found, expected = train(fast, config, seed=2), train(without_compiling(slow), config, seed=2)
    oracles.assert_close(fast.embeddings.detach(), slow.embeddings.detach(), 1e-4)
    assert [epoch.loss for epoch in found.history] == pytest.approx(
        [epoch.loss for epoch in expected.history], rel=1e-5
    )


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_steps_are_adam_by_hand(n_layers: int, n_steps: int) -> None:
    """After each number of steps the embeddings equal those of a float64 oracle of loss, gradient and Adam."""
    backbone = make("lightgcn", {"n_layers": n_layers, "reg_weight": 0.1})
    rng = np.random.default_rng(5)
    triples = np.stack([rng.integers(0, 7, 4 * n_steps), *rng.integers(7, 16, (2, 4 * n_steps))])
    matrices = [oracles.dense_adjacency(pairs, 7, 9) for pairs in [pairs_of(small_graph())] * n_layers]
    adam, expected = oracles.Adam(0.01), oracles.tensor(backbone.embeddings.detach())
    for start in range(0, 4 * n_steps, 4):
        rows = expected.clone().requires_grad_()
        batch = [torch.from_numpy(part) for part in triples[:, start : start + 4]]
        loss = oracles.backbone_loss("lightgcn", rows, batch, matrices, [], backbone.options.model_dump(), 7)
        expected = adam.move(expected, torch.autograd.grad(loss, rows)[0])
    optimizer = Adam(backbone, 0.01)
    compiled = backbone.compiled_loss()
    assert isinstance(compiled, CompiledLoss)
    CompiledSteps(backbone, optimizer, 4, compiled).run(triples)
    assert optimizer.steps == n_steps
    oracles.assert_close(backbone.embeddings.detach(), expected, 1e-4)


def test_returning_to_python_between_steps_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for each step and one call for all steps give the same bits."""
    config = TrainingConfig(epochs=2, train_batch_size=16)
    in_one, in_many = (make("lightgcn", {}, 8, sparse_graph()) for _ in range(2))
    train(in_one, config)
    monkeypatch.setattr(step, "_MAX_MULTIPLICATIONS", 1)
    train(in_many, config)
    assert torch.equal(in_one.embeddings, in_many.embeddings)


@pytest.mark.parametrize("name", ["lightgcn", "sgcl"])
@pytest.mark.parametrize("method", ["loss", "rows"])
def test_another_loss_is_not_compiled(name: str, method: str) -> None:
    """A subclass that overrides `loss` or `rows` is trained by its `loss`; the original by the compiled step."""
    kind = BACKBONES[name]
    changed = type("Changed", (kind,), {method: lambda self, *parts: getattr(kind, method)(self, *parts)})
    for backbone_type, compiled in ((kind, True), (changed, False)):
        graph = small_graph()
        backbone = backbone_type(np.ones((7, 2), np.float32), np.ones((9, 2), np.float32), graph)
        assert (backbone.compiled_loss() is not None) is compiled
        assert hasattr(step.steps_of(backbone, Adam(backbone, 0.1), 4), "__self__") is compiled


def test_a_subclass_trains_by_its_loss() -> None:
    """A loss that is zero leaves the embeddings unchanged."""
    idle = type("Idle", (BACKBONES["mf"],), {"loss": lambda self, batch: 0 * BPRBackbone.loss(self, batch)})
    backbone = idle(*(vectors(np.random.default_rng(0), n, 3) for n in (7, 9)), small_graph())
    before = backbone.embeddings.detach().clone()
    train(backbone, TrainingConfig(epochs=1))
    assert torch.equal(backbone.embeddings, before)


def test_gradients_of_the_losses_are_autograds() -> None:
    """BPR and the norm with repeated rows: the loss to 1e-5, the gradient to 1e-4."""
    rng = np.random.default_rng(6)
    nodes, triples = np.array([3, 8, 5, 1, 9], dtype=np.int64), np.array([[3, 3, 1, 3], [5, 8, 8, 5], [9, 5, 9, 9]])
    position = np.full(10, 2**31 - 1, dtype=np.int32)
    position[nodes] = np.arange(5)
    table = vectors(rng, 10, 7)
    rows, gradient = table[nodes].copy(), np.zeros((5, 7), dtype=np.float32)
    leaf = oracles.tensor(table).requires_grad_()
    parts = [leaf[torch.from_numpy(part)] for part in triples]
    expected = oracles.bpr(*(part * 0.5 for part in parts)) + 0.3 * oracles.embedding_norm(*parts)
    loss = bpr_gradient(rows, triples, position, 0.5, gradient) + norm_gradient(table, triples, position, 0.3, gradient)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    oracles.assert_close(gradient, torch.autograd.grad(expected, leaf)[0][nodes], 1e-4)


def test_the_gradient_of_the_contrastive_loss_is_autograds() -> None:
    """With repeated rows and rows of any scale: the loss to 1e-5, the gradient to 1e-4."""
    rng = np.random.default_rng(7)
    table, position = vectors(rng, 9, 6), np.arange(9, dtype=np.int32)
    table[1] *= 100
    pairs, gradient = np.array([[0, 1, 1, 3, 2], [5, 6, 5, 5, 8]]), np.zeros((9, 6), dtype=np.float32)
    leaf = oracles.tensor(table).requires_grad_()
    users, items = (leaf[torch.from_numpy(part)] for part in pairs)
    expected = oracles.supervised_contrastive(users, items, 0.2)
    loss = supervised_contrastive_gradient(table, pairs, position, 0.2, gradient)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-5)
    oracles.assert_close(gradient, torch.autograd.grad(expected, leaf)[0], 1e-4)


def test_a_zero_norm_has_no_gradient() -> None:
    """Embeddings that are all zero have norm 0 and gradient 0, not NaN."""
    gradient = np.zeros((3, 2), dtype=np.float32)
    triples = np.array([[0], [1], [2]])
    loss = norm_gradient(np.zeros((3, 2), np.float32), triples, np.arange(3, dtype=np.int32), 0.5, gradient)
    assert loss == 0
    assert not gradient.any()
