"""Propagation and its gradient against dense matrix powers."""

import numpy as np
import pytest
import torch

import oracles
from llminit.graph import Adjacency, propagate
from sample_graphs import pairs_of, small_graph, vectors


def twin(adjacency: Adjacency) -> torch.Tensor:
    return oracles.dense_adjacency(pairs_of(adjacency), adjacency.n_users, adjacency.n_items)


def layers_of(n_layers: int, *, different: bool) -> tuple[Adjacency, ...]:
    return tuple(small_graph(seed) for seed in range(n_layers)) if different else (small_graph(),) * n_layers


@pytest.mark.parametrize("different", [False, True])
@pytest.mark.parametrize("n_layers", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [1, 7, 64])
def test_forward_and_gradient_are_their_dense_twins(n_layers: int, different: bool, width: int) -> None:
    """Any number of layers, one adjacency for all or one for each: values to 1e-5, gradients to 1e-4."""
    layers = layers_of(n_layers, different=different)
    rng = np.random.default_rng(width)
    values, weights = vectors(rng, 16, width), vectors(rng, 16, width)
    found = torch.from_numpy(values).requires_grad_()
    expected = oracles.tensor(values).requires_grad_()
    out = propagate(found, layers)
    expected_out = oracles.average_layers(expected, [twin(layer) for layer in layers])
    torch.autograd.backward((out * torch.from_numpy(weights)).sum())
    torch.autograd.backward((expected_out * oracles.tensor(weights)).sum())
    assert out.dtype == torch.float32
    oracles.assert_close(out.detach(), expected_out.detach(), 1e-5)
    oracles.assert_close(found.grad, expected.grad, 1e-4)


def test_inputs_and_incoming_gradients_are_not_changed() -> None:
    """Neither the forward nor the backward pass changes its inputs, also on repeated calls."""
    values = torch.from_numpy(vectors(np.random.default_rng(0), 16, 4)).requires_grad_()
    before, gradient = values.detach().clone(), torch.ones(16, 4)
    out = propagate(values, layers_of(2, different=False))
    first = torch.autograd.grad(out, values, gradient, retain_graph=True)[0].clone()
    second = torch.autograd.grad(out, values, gradient)[0]
    assert torch.equal(values, before)
    assert torch.equal(gradient, torch.ones(16, 4))
    assert torch.equal(first, second)


def test_an_isolated_node_keeps_its_share() -> None:
    """A node without neighbours ends with its own embedding over the number of layers + 1."""
    values = torch.from_numpy(vectors(np.random.default_rng(0), 16, 4))
    out = propagate(values, layers_of(3, different=False))
    assert torch.allclose(out[[6, 15]], values[[6, 15]] / 4)


def test_gradients_of_expanded_and_transposed_tensors() -> None:
    """A gradient or an input that is not contiguous gives the same result as its copy."""
    values = torch.from_numpy(vectors(np.random.default_rng(0), 4, 16)).T.requires_grad_()
    layers = layers_of(2, different=False)
    out = propagate(values, layers)
    assert torch.allclose(out, propagate(values.detach().contiguous(), layers))
    expanded = torch.autograd.grad(out.sum(), values)[0]
    copied = torch.autograd.grad(propagate(values, layers), values, torch.ones(16, 4))[0]
    assert torch.allclose(expanded, copied)


@pytest.mark.parametrize("different", [False, True])
def test_the_torch_path(different: bool) -> None:
    """The path of other devices (taken here by float64) has the same values, and passes torch's gradient check."""
    layers = layers_of(2, different=different)
    values = oracles.tensor(vectors(np.random.default_rng(1), 16, 3)).requires_grad_()
    out = propagate(values, layers)
    assert out.dtype == torch.float64
    expected = oracles.average_layers(values.detach(), [twin(layer) for layer in layers])
    oracles.assert_close(out.detach(), expected, 1e-6)
    assert torch.autograd.gradcheck(lambda x: propagate(x, layers), [values], fast_mode=True)
