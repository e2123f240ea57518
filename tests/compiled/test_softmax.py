"""The compiled steps of sampled softmax equal autograd and torch's SparseAdam."""

from typing import Any

import numba
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from threadpoolctl import threadpool_limits

import oracles
from llminit.compiled.adam import AdamState
from llminit.compiled.softmax import CompiledSoftmax, softmax_memory, softmax_steps
from llminit.config import TrainingConfig
from llminit.graph import normalized_adjacency
from llminit.models import BACKBONES, Backbone
from llminit.models.hops import best_weights
from llminit.training import step, train
from llminit.training.optimizer import Adam
from sample_graphs import random_pairs, small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

CASES: list[dict[str, Any]] = [{}, {"sampled_negatives": True}, {"log_q": 1.0}]
CASES += [{"sampled_negatives": True, "log_q": 0.5, "temperature": 0.5}]


def make(options: dict[str, Any], width: int = 5) -> Backbone:
    """The backbone on 30 users and 50 items of which some have no interaction and some users have many."""
    rng, kind = np.random.default_rng(4), BACKBONES["softmax"]
    adjacency = normalized_adjacency(*random_pairs(np.random.default_rng(8), 25, 40, 200), 30, 50)
    return kind(vectors(rng, 30, width), vectors(rng, 50, width), adjacency, kind.options_type.make(**options))


def loss_by_hand(table: torch.Tensor, triples: torch.Tensor, options: dict[str, Any], log_shares: Any) -> torch.Tensor:
    """The mean cross-entropy, one user at a time over the columns that are not other entries of the user's item."""
    users, columns = triples[0], triples[1:].reshape(-1)
    rows, losses = table[columns], []
    shifts = options.get("log_q", 0.0) * torch.from_numpy(log_shares)[columns]
    for own, user in enumerate(users):
        cosines = (rows @ table[user]) / rows.norm(dim=1) / table[user].norm()
        logits = cosines / options.get("temperature", 0.15) - shifts
        kept = columns != columns[own]
        kept[own] = True
        losses.append(torch.logsumexp(logits[kept], 0) - logits[own])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("batch_size", [7, 64, 200])
@pytest.mark.parametrize("options", CASES)
def test_steps_are_sparse_adam(options: dict[str, Any], batch_size: int) -> None:
    """Each step gives the loss by hand, in float64, and the rows of torch.optim.SparseAdam; other rows keep still."""
    backbone = make(options)
    rng = np.random.default_rng(5)
    triples = np.stack([rng.integers(0, 30, 200), *rng.integers(30, 80, (2, 200))])
    triples = triples if options.get("sampled_negatives") else triples[:2]
    counts = np.bincount(backbone.adjacency.edges[1], minlength=50)
    log_shares = np.append(np.zeros(30), np.log(np.maximum(counts, 1) / counts.sum()))
    expected = torch.nn.Parameter(backbone.embeddings.detach().double().clone())
    reference, optimizer = torch.optim.SparseAdam([expected], lr=0.01), Adam(backbone, 0.01)
    run = step.steps_of(backbone, optimizer, batch_size)
    for start in range(0, 200, batch_size):
        batch = triples[:, start : start + batch_size]
        rows = torch.from_numpy(batch)
        loss = loss_by_hand(expected, rows, options, log_shares)
        (gradient,) = torch.autograd.grad(loss, expected)
        touched = torch.unique(rows)
        expected.grad = torch.sparse_coo_tensor(touched[None], gradient[touched], expected.shape, check_invariants=True)
        reference.step()  # type: ignore[no-untyped-call]
        assert run(batch) == pytest.approx(float(loss.detach()), rel=1e-5)
        oracles.assert_close(backbone.embeddings.detach(), expected.detach(), 3e-4)
    assert optimizer.steps == -(-200 // batch_size)


@pytest.mark.parametrize("options", CASES)
def test_the_compiled_loss_trains_as_the_loss(options: dict[str, Any]) -> None:
    """Over three epochs, embeddings and losses agree within float32's rounding, with a short last batch."""
    config = TrainingConfig(epochs=3, train_batch_size=64, learning_rate=0.01)
    fast, slow = make(options, 16), make(options, 16)
    slow.compiled_loss = lambda: None  # type: ignore[method-assign]
    found, expected = train(fast, config, seed=2), train(slow, config, seed=2)
    oracles.assert_close(fast.embeddings.detach(), slow.embeddings.detach(), 1e-4)
    assert [epoch.loss for epoch in found.history] == pytest.approx([epoch.loss for epoch in expected.history], 1e-5)


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


def test_a_step_touches_the_rows_of_its_batch_alone() -> None:
    """Rows, moments and positions of all other nodes are the same bits after a step: its cost is the batch's."""
    rng = np.random.default_rng(1)
    table = vectors(rng, 1000, 8)
    state = AdamState(table.copy(), *(rng.random((1000, 8)).astype(np.float32) for _ in range(2)))
    before = AdamState(*(array.copy() for array in state))
    batch = np.array([[3, 5, 3], [700, 701, 701]])
    memory = softmax_memory(1000, 8, 3)
    loss = CompiledSoftmax(0.2, np.empty(0, dtype=np.float32))
    with threadpool_limits(1, user_api="blas"):
        softmax_steps(batch, 3, loss, state, 0, 0.1, memory, numba.get_num_threads())
    others = np.setdiff1d(np.arange(1000), batch)
    for found, expected in zip(state, before, strict=True):
        assert np.array_equal(found[others], expected[others])
        assert (found[np.unique(batch)] != expected[np.unique(batch)]).any(axis=1).all()
    assert len(np.unique(memory.position)) == 1


def test_an_items_other_entries_are_no_negatives() -> None:
    """Where all pairs of a batch have one item, nothing is left to tell it from: the loss is zero."""
    backbone = make({})
    loss = step.steps_of(backbone, Adam(backbone, 0.1), 3)(np.array([[0, 1, 2], [40, 40, 40]]))
    assert loss == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("hops", [(), (0.25,), (0.5,), (0.75,), (1.0,), (1.5,), (2.0,), (3.0,), (1.0, 0.5), (2.0, 2.0)])
def test_validation_finds_the_hops_that_serve_best(hops: tuple[float, ...]) -> None:
    """Wherever the top of the validation curve is, it is climbed to, and no weights are measured twice."""
    measured: list[tuple[float, ...]] = []

    def measure(weights: tuple[float, ...]) -> float:
        assert weights not in measured
        measured.append(weights)
        wanted, found = (*hops, 0.0, 0.0)[:2], (*weights, 0.0, 0.0)[:2]
        return -abs(found[0] - wanted[0]) - abs(found[1] - wanted[1])

    assert best_weights(measure) == hops
    assert len(measured) <= 9


def test_serving_propagates_the_rows() -> None:
    """Served are x + w1 A x + w2 A A x of the rows at length 1; validation chooses w unless it is an option."""
    kind = BACKBONES["softmax"]
    rows = vectors(np.random.default_rng(0), 7, 4), vectors(np.random.default_rng(1), 9, 4)
    backbone = kind(*rows, small_graph(), kind.options_type.make(hop_weights=(0.5, 0.25)))
    unit = F.normalize(torch.from_numpy(np.concatenate(rows))).numpy()
    dense = small_graph().torch_csr(torch.device("cpu")).to_dense().numpy()
    expected = unit + 0.5 * dense @ unit + 0.25 * dense @ dense @ unit
    oracles.assert_close(np.concatenate(backbone.final_embeddings()), expected, 1e-6)
    assert backbone.choose_serving(lambda *_: 1.0) == {}
    free = kind(*rows, small_graph())
    wanted = float(np.linalg.norm((unit + 2 * dense @ unit)[:7]))
    chosen = free.choose_serving(lambda users, _: -abs(float(np.linalg.norm(users)) - wanted))
    assert chosen == {"hop_weights": [2.0]}
    oracles.assert_close(np.concatenate(free.final_embeddings()), unit + 2 * dense @ unit, 1e-6)
