"""Propagation for the rows of a batch against the dense oracle and plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.compiled import graph as kernels
from llminit.compiled.adam import AdamState, adam_constants, adam_step
from llminit.compiled.graph import Rows, rows_of_all
from llminit.graph import Adjacency, gather, normalized_adjacency, propagate
from llminit.graph.rows import Neighbourhood
from llminit.training.optimizer import Adam
from sample_graphs import pairs_of, random_pairs, small_graph, vectors


def table(parameter: torch.nn.Parameter) -> torch.nn.Module:
    """A module with this parameter as its embeddings."""
    module = torch.nn.Module()
    module.embeddings = parameter
    return module


ROWS = [
    (torch.tensor([0, 3, 3]), torch.tensor([7, 15, 9])),  # a repeated user and the isolated item
    (torch.tensor([6]), torch.tensor([8])),  # the isolated user
]


def dense_matrices(adjacency: Adjacency, n_layers: int) -> list[torch.Tensor]:
    return [oracles.dense_adjacency(pairs_of(adjacency), adjacency.n_users, adjacency.n_items)] * n_layers


@pytest.mark.parametrize("parts", ROWS)
@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [1, 7, 64])
def test_rows_and_gradient_are_those_of_the_dense_twin(
    parts: tuple[torch.Tensor, ...], n_layers: int, width: int
) -> None:
    """Trained and final rows equal the dense matrices' to 1e-5 and their joint gradient to 1e-4."""
    adjacency, rng = small_graph(), np.random.default_rng(width)
    values = vectors(rng, 16, width)
    weights = [vectors(rng, len(part), width) for part in parts * 2]
    found = torch.from_numpy(values).requires_grad_()
    trained, final = gather(found, adjacency, n_layers, parts)
    weighted = [row * torch.from_numpy(weight) for row, weight in zip(trained + final, weights, strict=True)]
    torch.autograd.backward([row.sum() for row in weighted])

    expected = oracles.tensor(values).requires_grad_()
    everything = oracles.average_layers(expected, dense_matrices(adjacency, n_layers))
    rows = [expected[part] for part in parts] + [everything[part] for part in parts]
    expected_weighted = [row * oracles.tensor(weight) for row, weight in zip(rows, weights, strict=True)]
    torch.autograd.backward([row.sum() for row in expected_weighted])
    for row, expected_row in zip(trained + final, rows, strict=True):
        oracles.assert_close(row.detach(), expected_row.detach(), 1e-5)
    oracles.assert_close(found.grad, expected.grad, 1e-4)


@pytest.mark.parametrize("used", ["trained", "final"])
@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_rows_that_the_loss_does_not_use_have_no_gradient(used: str, n_layers: int) -> None:
    """A loss of the trained rows alone, or of one part of the final rows alone, has their gradient."""
    adjacency = small_graph()
    found = torch.from_numpy(vectors(np.random.default_rng(0), 16, 5)).requires_grad_()
    trained, final = gather(found, adjacency, n_layers, ROWS[0])
    torch.autograd.backward((trained if used == "trained" else final)[1].sum())
    expected = found.detach().clone().requires_grad_()
    whole = expected if used == "trained" else propagate(expected, (adjacency,) * n_layers)
    torch.autograd.backward(whole[ROWS[0][1]].sum())
    assert found.grad is not None
    assert expected.grad is not None
    assert torch.allclose(found.grad, expected.grad, atol=1e-6)


def test_float64_goes_through_torch_and_passes_the_gradient_check() -> None:
    """Tensors that the kernels do not take give the same rows, differentiably."""
    adjacency = small_graph()
    values = torch.from_numpy(vectors(np.random.default_rng(1), 16, 3).astype(np.float64)).requires_grad_()
    exact = gather(values, adjacency, 2, ROWS[0])
    kernel = gather(values.detach().float(), adjacency, 2, ROWS[0])
    for left, right in zip(exact[0] + exact[1], kernel[0] + kernel[1], strict=True):
        assert torch.allclose(left.float(), right, atol=1e-6)
    assert torch.autograd.gradcheck(lambda x: gather(x, adjacency, 2, ROWS[0])[1], values)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 3), st.integers(1, 6))
def test_frontiers_are_the_nodes_within_so_many_hops(seed: int, n_hops: int, n_rows: int) -> None:
    """Each node within h hops is listed once, before any farther one, and its position is its index in the list."""
    rng = np.random.default_rng(seed)
    graph = normalized_adjacency(*random_pairs(rng, 6, 8, 12), 6, 8)
    rows = rng.integers(0, 14, n_rows)
    found = Neighbourhood.around(graph, n_hops + 1, rows).frontier
    expected = oracles.nodes_within_hops(pairs_of(graph), 6, rows.tolist(), n_hops)
    for hop, nodes in enumerate(expected):
        assert set(found.nodes[: found.ends[hop]].tolist()) == nodes
        assert found.ends[hop] == len(nodes)
    listed = found.nodes[: found.ends[-1]]
    assert np.array_equal(found.position[listed], np.arange(len(listed)))
    assert (np.delete(found.position, listed) == kernels.ABSENT).all()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_add_neighbours_is_its_twin(n_threads: int) -> None:
    """Listed and unlisted neighbours, with and without a base row, whatever the number of threads."""
    graph, rng = small_graph(), np.random.default_rng(0)
    source, base = vectors(rng, 5, 3), vectors(rng, 2, 3)
    position = np.full(16, kernels.ABSENT)
    position[[0, 7, 8, 3, 9]] = np.arange(5)
    targets, out = np.array([0, 7, 3, 15, 6], dtype=np.int32), np.empty((5, 3), dtype=np.float32)
    edges = (graph.indptr, graph.indices, graph.weights)
    rows = Rows(source, position), Rows(base, position)
    kernels.add_neighbours(graph.compiled, targets, *rows, out, n_threads)
    oracles.assert_close(out, oracles.add_neighbours(*edges, targets, position, source, position, base), 1e-5)


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize("with_dense", [False, True])
def test_deferred_gradients_update_as_dense_ones_do(n_layers: int, with_dense: bool) -> None:
    """Five Adam steps fused with the last hop follow five steps of Adam by hand on the dense gradient."""
    adjacency, rng = small_graph(), np.random.default_rng(n_layers)
    values, weights = vectors(rng, 16, 6), [torch.from_numpy(vectors(rng, 3, 6)) for _ in range(2)]
    fused = torch.nn.Parameter(torch.from_numpy(values.copy()))
    plain, adam, by_hand = oracles.tensor(values), Adam(table(fused), 0.01), oracles.Adam(0.01)
    matrices = dense_matrices(adjacency, n_layers)

    def loss(
        trained: tuple[torch.Tensor, ...], final: tuple[torch.Tensor, ...], everything: torch.Tensor
    ) -> torch.Tensor:
        rows = zip(trained + final, weights * 2, strict=True)
        scored = torch.stack([(row**2 * weight[: len(row)].to(row.dtype)).sum() for row, weight in rows]).sum()
        return scored + (everything**3).sum() if with_dense else scored

    for _ in range(5):
        torch.autograd.backward(loss(*gather(fused, adjacency, n_layers, ROWS[0], adam.deferred), fused))
        assert adam.deferred is not None
        assert len(adam.deferred) == 1
        adam.step()
        rows = plain.clone().requires_grad_()
        tables = (rows, oracles.average_layers(rows, matrices))
        trained, final = (tuple(table[part] for part in ROWS[0]) for table in tables)
        plain = by_hand.move(plain, torch.autograd.grad(loss(trained, final, rows), rows)[0])
        oracles.assert_close(fused.detach(), plain.detach(), 1e-4)


@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
def test_several_deferred_gradients_do_not_overwrite_each_other(n_layers: int) -> None:
    """Gradients that wait together, of one loss or of several, are not changed, and Adam takes their sum."""
    adjacency, start = small_graph(), torch.from_numpy(vectors(np.random.default_rng(3), 16, 4))
    waiting, plain = (torch.nn.Parameter(start.clone()) for _ in range(2))
    adam, plain_adam = Adam(table(waiting), 0.01), Adam(table(plain), 0.01)
    for parameter, deferred in ((waiting, adam.deferred), (plain, None)):
        for scale, parts in enumerate(((torch.arange(6),), (torch.arange(7, 15),), (torch.tensor([2, 9]),)), start=1):
            _, (final,) = gather(parameter, adjacency, n_layers, parts, deferred)
            torch.autograd.backward((scale * final**2).sum())
    assert adam.deferred is not None
    assert plain.grad is not None
    assert len(adam.deferred) == 3
    found = np.sum([gradient.dense() for gradient in adam.deferred], axis=0)
    assert torch.allclose(torch.from_numpy(found), plain.grad, atol=1e-6)
    adam.step()
    plain_adam.step()
    assert torch.allclose(waiting, plain, atol=1e-6)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_adam_on_a_plain_gradient_is_adam_by_hand(n_threads: int) -> None:
    """Without deferred gradients, three steps of the kernel follow three steps by hand."""
    rng = np.random.default_rng(0)
    values, gradients = vectors(rng, 5, 7), [vectors(rng, 5, 7) for _ in range(3)]
    expected, by_hand = oracles.tensor(values), oracles.Adam(0.01)
    mean, square = np.zeros_like(values), np.zeros_like(values)
    for step, gradient in enumerate(gradients, start=1):
        adam_step(gradient, AdamState(values, mean, square), adam_constants(step, 0.01), n_threads)
        expected = by_hand.move(expected, oracles.tensor(gradient))
    oracles.assert_close(values, expected, 1e-5)


def test_more_threads_than_rows() -> None:
    """Threads without a row do nothing, and every row is computed once."""
    graph, rng = small_graph(), np.random.default_rng(0)
    source, out = vectors(rng, 16, 3), np.empty((2, 3), dtype=np.float32)
    targets, edges = np.array([0, 7], dtype=np.int32), (graph.indptr, graph.indices, graph.weights)
    kernels.add_neighbours(graph.compiled, targets, rows_of_all(source), rows_of_all(source), out, 8)
    itself = np.arange(16, dtype=np.int32)
    oracles.assert_close(out, oracles.add_neighbours(*edges, targets, itself, source, itself, source), 1e-5)
