"""The contrastive loss in blocks against float64 loops, and its kernels against theirs."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.arrays import FloatArray
from llminit.compiled import info_nce as kernels
from llminit.models import info_nce as contrast
from llminit.models.info_nce import Blocks, info_nce
from sample_graphs import vectors

pytestmark = pytest.mark.usefixtures("one_thread")

ANCHORS = [0, 3, 3, 6, 10, 0, 1]
BLOCKS = [Blocks(), Blocks(rows=4), Blocks(rows=4, memory=0), Blocks(rows=5, memory=300), Blocks(rows=1, memory=40)]


def two_views(
    seed: int = 0, n_rows: int = 11, width: int = 6, scale: float = 0.5, noise: float = 0.1
) -> tuple[FloatArray, FloatArray]:
    """Draw all rows of two views that resemble each other."""
    first = vectors(np.random.default_rng(seed), n_rows, width, scale=scale)
    return first, first + noise * scale * vectors(np.random.default_rng(seed + 1), n_rows, width, scale=1)


def fast(
    first: FloatArray, second: FloatArray, rows: list[int], tau: float, **options: Any
) -> tuple[torch.Tensor, ...]:
    """Give the loss and its gradients of the anchors and of all candidates."""
    anchors = torch.from_numpy(first[rows]).requires_grad_()
    candidates = torch.from_numpy(second).requires_grad_()
    loss = info_nce(anchors, candidates, torch.tensor(rows), tau, **options)
    return loss.detach(), *torch.autograd.grad(loss, (anchors, candidates))


def slow(
    first: FloatArray, second: FloatArray, rows: list[int], tau: float, sizes: list[tuple[int, int]] | None = None
) -> tuple[torch.Tensor, ...]:
    """Give the same by the oracle."""
    anchors, candidates = (oracles.tensor(part).requires_grad_() for part in (first[rows], second))
    loss, begin, start = torch.zeros((), dtype=torch.float64), 0, 0
    for n_anchors, n_candidates in sizes or [(len(rows), len(second))]:
        end = begin + n_anchors
        part = candidates[start : start + n_candidates]
        loss = loss + oracles.info_nce(anchors[begin:end], candidates[rows[begin:end]], part, tau)
        begin, start = end, start + n_candidates
    return loss.detach(), *torch.autograd.grad(loss, (anchors, candidates))


def assert_equal(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> None:
    assert float(found[0]) == pytest.approx(float(expected[0]), rel=1e-5)
    for gradient, twin in zip(found[1:], expected[1:], strict=True):
        oracles.assert_close(gradient, twin, 1e-4)


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("tau", [0.05, 0.2, 0.7])
def test_agrees_with_its_twin_for_any_blocks(blocks: Blocks, tau: float) -> None:
    """Loss to 1e-5 and gradients to 1e-4 for any block size and memory, with repeated anchors."""
    views = two_views()
    assert_equal(fast(*views, ANCHORS, tau, blocks=blocks), slow(*views, ANCHORS, tau))


@given(seed=st.integers(0, 1000), tau=st.floats(0.05, 2), scale=st.floats(0.01, 10), noise=st.floats(0.001, 5))
@settings(max_examples=25, deadline=None)
def test_agrees_with_its_twin_for_any_rows(seed: int, tau: float, scale: float, noise: float) -> None:
    """Short rows, long rows, like and unlike views, small and large temperatures."""
    views = two_views(seed, scale=scale, noise=noise)
    blocks = Blocks(rows=3, memory=200)
    assert_equal(fast(*views, ANCHORS, tau, blocks=blocks), slow(*views, ANCHORS, tau))


@pytest.mark.parametrize("blocks", BLOCKS)
def test_several_sums_at_once(blocks: Blocks) -> None:
    """Users are compared with users and items with items, as in two calls."""
    views, sizes = two_views(), [(4, 5), (3, 6)]
    rows = [0, 3, 3, 4, 5, 10, 10]
    assert_equal(fast(*views, rows, 0.2, sizes=sizes, blocks=blocks), slow(*views, rows, 0.2, sizes))


def test_tiny_temperatures_neither_overflow_nor_vanish() -> None:
    """At temperatures whose exponentials overflow float32, even for opposite views, the loss equals the twin's."""
    first, second = two_views()
    for tau in (0.02, 0.005):
        assert_equal(fast(first, -second, ANCHORS, tau, blocks=Blocks(rows=4)), slow(first, -second, ANCHORS, tau))


def test_the_weight_and_an_outer_factor_scale_the_gradient() -> None:
    """A weight inside and a factor outside both multiply the loss and the gradients; a second backward is equal."""
    views = two_views()
    once = fast(*views, ANCHORS, 0.2)
    for found, expected in zip(fast(*views, ANCHORS, 0.2, weight=0.5), once, strict=True):
        oracles.assert_close(found, 0.5 * expected, 1e-5)
    anchors, candidates = (torch.from_numpy(part).requires_grad_() for part in (views[0][ANCHORS], views[1]))
    loss = 3 * info_nce(anchors, candidates, torch.tensor(ANCHORS), 0.2)
    for _ in range(2):
        for found, expected in zip(
            torch.autograd.grad(loss, (anchors, candidates), retain_graph=True), once[1:], strict=True
        ):
            oracles.assert_close(found, 3 * expected, 1e-5)


def test_torch_and_kernels_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The torch path, which runs on a GPU, agrees with the kernels."""
    views = two_views()
    expected = fast(*views, ANCHORS, 0.2, blocks=Blocks(rows=4, memory=200))
    monkeypatch.setattr(contrast, "_has_kernels", lambda _: False)
    for found, twin in zip(fast(*views, ANCHORS, 0.2, blocks=Blocks(rows=4, memory=200)), expected, strict=True):
        oracles.assert_close(found, twin, 1e-5)


def test_rows_without_direction() -> None:
    """Zero rows, as anchors and as candidates, get zero gradients and a finite loss; a single equal pair has loss 0."""
    first, second = two_views()
    first[0] = second[0] = second[5] = 0
    loss, anchors, candidates = fast(first, second, ANCHORS, 0.2)
    assert torch.isfinite(loss)
    assert not anchors[0].any()
    assert not candidates[[0, 5]].any()
    assert torch.isfinite(anchors).all()
    assert torch.isfinite(candidates).all()
    assert float(fast(first[1:2], first[1:2], [0], 0.2)[0]) == pytest.approx(0, abs=1e-6)


def test_nan_is_not_hidden() -> None:
    """A NaN in any row makes the loss NaN, so that the trainer notices."""
    first, second = two_views()
    second[7, 2] = np.nan
    assert torch.isnan(fast(first, second, ANCHORS, 0.2)[0])


def test_bfloat16_keeps_its_stated_accuracy() -> None:
    """With bfloat16 products the loss is right to 1e-4 and the gradients to 1 % of their norm, at tau = 0.2."""
    views = two_views(n_rows=600, width=64, noise=0.5)
    rows = np.random.default_rng(2).integers(0, 600, 64).tolist()
    exact = fast(*views, rows, 0.2)
    rough = fast(*views, rows, 0.2, blocks=Blocks(rows=100, dtype="bfloat16"))
    assert float(rough[0]) == pytest.approx(float(exact[0]), rel=1e-4)
    for found, expected in zip(rough[1:], exact[1:], strict=True):
        assert found.dtype == torch.float32
        assert 1e-6 < float((found - expected).norm() / expected.norm()) < 0.01


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No matrix of all anchors and candidates is made, and no more similarities are kept than allowed."""
    sizes: list[int] = []
    kept: list[Any] = []
    sums = contrast._Sum  # noqa: SLF001
    first_pass = sums._first_pass  # noqa: SLF001

    def counted_matmul(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        sizes.append((left @ right).numel())
        return left @ right

    def recorded_first_pass(self: Any, **options: Any) -> Any:
        kept.append(first_pass(self, **options))
        return kept[-1]

    monkeypatch.setattr(contrast, "matmul", counted_matmul)
    monkeypatch.setattr(sums, "_first_pass", recorded_first_pass)
    views = two_views(n_rows=100)
    fast(*views, ANCHORS, 0.2, blocks=Blocks(rows=10, memory=3 * 10 * len(ANCHORS) * 4))
    assert max(sizes) <= 10 * len(ANCHORS)
    assert len(kept[0][2]) == 3


def test_exponentials_are_their_twins() -> None:
    """The fast exponential is right to 5e-7 nearly everywhere; a match is left out."""
    rng = np.random.default_rng(0)
    dots = rng.uniform(-80, 80, (5, 333)).astype(np.float32)
    scales, shifts = rng.uniform(0.25, 1, 333).astype(np.float32), rng.uniform(0, 3, 5).astype(np.float32)
    # Values whose products are exact in float32, so that all error is in the exponential.
    dots, scales, shifts = ((np.round(part * 4) / 4).astype(np.float32) for part in (dots, scales, shifts))
    expected = oracles.exponentials(dots, scales, shifts)
    expected[1, 332] = expected[3, 0] = 0
    expected_sums = (expected / scales).sum(axis=1)
    sums = np.ones(5, dtype=np.float32)
    kernels.exponentials(dots, scales, shifts, np.array([-1, 332, 333, 0, 400]), sums)
    np.testing.assert_allclose(dots, expected, rtol=5e-7)
    np.testing.assert_allclose(sums - 1, expected_sums, rtol=1e-6)


@pytest.mark.parametrize("n_rows", [1, 16, 37])
def test_tangents_are_their_twins(n_rows: int) -> None:
    """What is left of a gradient is orthogonal to its row, also where rows do not fill a tile."""
    rng = np.random.default_rng(0)
    rows, gradients = vectors(rng, n_rows, 7), vectors(rng, n_rows, 7)
    out = np.empty_like(rows)
    kernels.tangents(np.ascontiguousarray(gradients.T), rows, 1 / np.linalg.norm(rows, axis=1), out)
    oracles.assert_close(out, oracles.tangents(gradients, rows), 1e-5)
