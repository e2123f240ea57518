"""The compiled steps of users made of their histories equal autograd and torch's SparseAdam."""

from typing import Any

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits

import oracles
from llminit.arrays import IntArray
from llminit.compiled.adam import AdamState
from llminit.compiled.history import CompiledHistory, history_memory, history_steps
from llminit.config import TrainingConfig
from llminit.graph import normalized_adjacency
from llminit.models import BACKBONES, Backbone, Batch, Sizes
from llminit.training import step, train
from llminit.training.optimizer import Adam
from sample_graphs import pairs_of, random_pairs, small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

CASES: list[dict[str, Any]] = [{}, {"mask_history": False}, {"sampled_negatives": True}]
CASES += [{"sampled_negatives": True, "log_q": 0.5, "temperature": 0.5}, {"log_q": 1.0, "mask_history": False}]


def make(options: dict[str, Any], width: int = 5) -> Backbone:
    """The backbone on 30 users and 50 items: some have no interaction, one user a single one, and some many."""
    rng, kind = np.random.default_rng(4), BACKBONES["history"]
    users, items = random_pairs(np.random.default_rng(8), 25, 40, 200)
    adjacency = normalized_adjacency(np.append(users, 28), np.append(items, 3), 30, 50)
    return kind(vectors(rng, 30, width), vectors(rng, 50, width), adjacency, kind.options_type.make(**options))


def histories_of(backbone: Backbone) -> list[list[int]]:
    """The items of each user."""
    pairs = pairs_of(backbone.adjacency)
    return [[item for other, item in pairs if other == user] for user in range(backbone.n_users)]


def draw_triples(options: dict[str, Any], backbone: Backbone) -> IntArray:
    """200 pairs: most are of the training data, some are not, and some users have no history or no other item."""
    rng = np.random.default_rng(
        6
    )  # no gradient of its steps is near epsilon, which SparseAdam adds before it corrects bias
    users, items = (codes[rng.integers(0, len(codes), 200)] for codes in backbone.adjacency.edges)
    users[::9], users[5], items[5] = rng.integers(0, 30, len(users[::9])), 28, 3
    triples = np.stack([users, items + 30, rng.integers(30, 80, 200)])
    return triples if options.get("sampled_negatives") else triples[:2]


def loss_by_hand(table: torch.Tensor, triples: IntArray, options: dict[str, Any], backbone: Backbone) -> torch.Tensor:
    """The mean cross-entropy, one pair at a time over the columns that are negatives of its user."""
    counts = np.bincount(backbone.adjacency.edges[1], minlength=50)
    columns, units, losses = triples[1:].reshape(-1) - 30, table / table.norm(dim=1, keepdim=True), []
    shifts = options.get("log_q", 0.0) * torch.from_numpy(np.log(np.maximum(counts, 1) / counts.sum()))[columns]
    histories = histories_of(backbone)
    for own, user in enumerate(triples[0]):
        others = [item for item in histories[user] if item != columns[own]]
        total = units[others].sum(dim=0)
        cosines = units[columns] @ (total / total.norm()) if others else torch.zeros(len(columns))
        logits = cosines / options.get("temperature", 0.15) - shifts
        left_out = {columns[own], *(others if options.get("mask_history", True) else ())}
        kept = torch.tensor([item not in left_out for item in columns])
        kept[own] = True
        losses.append(torch.logsumexp(logits[kept], 0) - logits[own])
    return torch.stack(losses).mean()


def touched_by(triples: IntArray, backbone: Backbone) -> IntArray:
    """The rows that a step changes: the columns' items, and the users' other items."""
    histories, items = histories_of(backbone), triples[1] - 30
    others = [item for user, own in zip(triples[0], items, strict=True) for item in histories[user] if item != own]
    return np.unique([*(triples[1:].reshape(-1) - 30), *others]).astype(np.int64)


@pytest.mark.parametrize("batch_size", [7, 64, 200])
@pytest.mark.parametrize("options", CASES)
def test_steps_are_sparse_adam(options: dict[str, Any], batch_size: int) -> None:
    """Each step gives the loss by hand, in float64, and the rows of torch.optim.SparseAdam; other rows keep still."""
    backbone = make(options)
    triples = draw_triples(options, backbone)
    expected = torch.nn.Parameter(backbone.embeddings.detach().double().clone())
    reference, optimizer = torch.optim.SparseAdam([expected], lr=0.01), Adam(backbone, 0.01)
    run = step.steps_of(backbone, optimizer, batch_size)
    for start in range(0, 200, batch_size):
        batch = triples[:, start : start + batch_size]
        loss = loss_by_hand(expected, batch, options, backbone)
        (gradient,) = torch.autograd.grad(loss, expected)
        touched = torch.from_numpy(touched_by(batch, backbone))
        expected.grad = torch.sparse_coo_tensor(touched[None], gradient[touched], expected.shape, check_invariants=True)
        reference.step()  # type: ignore[no-untyped-call]
        assert run(batch) == pytest.approx(float(loss.detach()), rel=1e-5)
        oracles.assert_close(backbone.embeddings.detach(), expected.detach(), 3e-4)
    assert optimizer.steps == -(-200 // batch_size)


@pytest.mark.parametrize("options", CASES)
def test_the_loss_is_the_one_by_hand(options: dict[str, Any]) -> None:
    """The backbone's own loss and gradient, which is sparse, are those by hand."""
    backbone = make(options)
    triples = draw_triples(options, backbone)
    rows = [torch.from_numpy(part) for part in triples]
    loss = backbone.loss(Batch(*rows, *[torch.empty(0, dtype=torch.int64)] * (3 - len(rows))))
    table = backbone.embeddings.detach().double().requires_grad_()
    expected = loss_by_hand(table, triples, options, backbone)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, backbone.embeddings)
    assert gradient.is_sparse
    assert torch.unique(gradient.coalesce().indices()).tolist() == touched_by(triples, backbone).tolist()
    oracles.assert_close(gradient.to_dense(), torch.autograd.grad(expected, table)[0], 1e-4)


@pytest.mark.parametrize("options", CASES)
def test_the_compiled_loss_trains_as_the_loss(options: dict[str, Any]) -> None:
    """Over three epochs, embeddings and losses agree within float32's rounding, with a short last batch."""
    config = TrainingConfig(epochs=3, train_batch_size=64, learning_rate=0.01)
    fast, slow = make(options, 16), make(options, 16)
    slow.compiled_loss = lambda: None  # type: ignore[method-assign]
    actual, expected = train(fast, config, seed=2), train(slow, config, seed=2)
    oracles.assert_close(fast.embeddings.detach(), slow.embeddings.detach(), 1e-4)
    assert [epoch.loss for epoch in actual.history] == pytest.approx([epoch.loss for epoch in expected.history], 1e-5)


def test_threads_and_returns_to_python_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, two, and a return to Python after each step give the same bits, over several chunks of anchors."""
    results = []
    for n_threads, at_once in ((1, 2**32), (2, 2**32), (2, 1)):
        monkeypatch.setattr(step, "_MAX_MULTIPLICATIONS", at_once)
        backbone, before = make({}, 32), numba.get_num_threads()
        numba.set_num_threads(min(n_threads, numba.config.NUMBA_NUM_THREADS))
        train(backbone, TrainingConfig(epochs=2, train_batch_size=150))
        numba.set_num_threads(before)
        results.append(backbone.embeddings.detach().clone())
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_a_step_touches_the_items_of_its_batch_and_histories_alone() -> None:
    """Rows, moments and positions of all other items are the same bits after a step: its cost is the batch's."""
    rng = np.random.default_rng(1)
    table = vectors(rng, 1000, 8)
    state = AdamState(table.copy(), *(rng.random((1000, 8)).astype(np.float32) for _ in range(2)))
    before = AdamState(*(array.copy() for array in state))
    starts, items = np.array([0, 3, 4, 6, 8]), np.array([700, 10, 11, 20, 701, 12, 900, 901])
    loss = CompiledHistory(starts, items, np.empty(0, dtype=np.float32), 0.2, mask_history=True)
    batch = np.array([[0, 2, 1], [704, 705, 24]])
    n_entries = loss.n_entries(batch[0], 3)
    assert n_entries == 6
    memory = history_memory(1000, 8, 3, 2, n_entries)
    with threadpool_limits(1, user_api="blas"):
        history_steps(batch, 3, loss, state, 0, 0.1, memory, numba.get_num_threads())
    changed = np.array([10, 11, 12, 20, 700, 701])
    others = np.setdiff1d(np.arange(1000), changed)
    for actual, expected in zip(state, before, strict=True):
        assert np.array_equal(actual[others], expected[others])
        assert (actual[changed] != expected[changed]).any(axis=1).all()
    assert len(np.unique(memory.softmax.position)) == 1


def test_a_pair_without_other_items_has_no_user() -> None:
    """All items are as likely for it, whatever the rows, and its step changes no row."""
    backbone = make({})
    before = backbone.embeddings.detach().clone()
    loss = step.steps_of(backbone, Adam(backbone, 0.1), 2)(np.array([[28, 29], [33, 40]]))
    assert loss == pytest.approx(np.log(2), rel=1e-6)
    assert torch.equal(backbone.embeddings.detach(), before)


def test_users_are_served_from_their_whole_history() -> None:
    """A user is the normalised mean of their normalised items, without history the mean user; then come the hops."""
    kind = BACKBONES["history"]
    items = vectors(np.random.default_rng(1), 9, 4)
    options = kind.options_type.make(hop_weights=(0.5,))
    backbone = kind(vectors(np.random.default_rng(0), 7, 4), items, small_graph(), options)
    unit = F.normalize(torch.from_numpy(items)).numpy()
    histories = histories_of(backbone)
    users = np.stack([unit[history].mean(axis=0) if history else np.zeros(4) for history in histories])
    users[:6] /= np.linalg.norm(users[:6], axis=1, keepdims=True)
    assert [not history for history in histories] == [False] * 6 + [True]
    users[6] = users[:6].mean(axis=0) / np.linalg.norm(users[:6].mean(axis=0))
    nodes = np.concatenate([users, unit])
    dense = small_graph().torch_csr(torch.device("cpu")).to_dense().numpy()
    oracles.assert_close(np.concatenate(backbone.final_embeddings()), nodes + 0.5 * dense @ nodes, 1e-6)


def test_there_is_no_user_table() -> None:
    """Items alone are parameters, so nothing that a user starts from matters, and less memory is planned with."""
    kind, items = BACKBONES["history"], vectors(np.random.default_rng(1), 9, 4)
    first, second = (kind(vectors(np.random.default_rng(seed), 7, 4), items, small_graph()) for seed in (2, 3))
    for actual, expected in zip(first.final_embeddings(), second.final_embeddings(), strict=True):
        assert np.array_equal(actual, expected)
    assert train(first, TrainingConfig(epochs=1, train_batch_size=8)).n_parameters == items.size
    sizes = Sizes(1000, 1000, 5000, 64)
    assert kind.memory_bytes(sizes) == 0.75 * BACKBONES["softmax"].memory_bytes(sizes)
