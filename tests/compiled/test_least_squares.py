"""The compiled rows of alternating least squares equal dense solutions."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import oracles
from llminit.compiled.least_squares import Systems, solve_rows


def random_systems(seed: int, n: int, n_others: int, width: int, density: float) -> Systems:
    """Rows with no interaction, few and many, of different weights."""
    rng = np.random.default_rng(seed)
    taken = rng.random((n, n_others)) < density * rng.random((n, 1))
    taken[0] = False
    train = csr_array(taken * rng.uniform(0.5, 3, (n, n_others)), dtype=np.float32)
    return Systems(
        train.indptr.astype(np.int64),
        train.indices.astype(np.int32),
        train.data,
        rng.normal(size=(n_others, width)).astype(np.float32),
        rng.uniform(0, 4, width).astype(np.float32),
        rng.uniform(0.5, 2, n).astype(np.float32),
        rng.normal(size=(n, width)).astype(np.float32),
    )


def solved(systems: Systems, n_steps: int, start: np.ndarray, n_threads: int = 1) -> np.ndarray:
    out = start.copy()
    solve_rows(systems, np.arange(len(out), dtype=np.int32), n_steps, out, n_threads)
    return out


@pytest.mark.parametrize(("width", "density"), [(1, 0.5), (8, 0.2), (8, 1.0), (33, 0.5)])
def test_enough_steps_solve_each_row(width: int, density: float) -> None:
    """From any start the rows are those of dense systems, also where a row has no interaction or more than columns."""
    systems = random_systems(width, 30, 40, width, density)
    expected = oracles.least_squares_rows(*systems)
    for start in (np.zeros_like(systems.targets), np.full_like(systems.targets, 3)):
        oracles.assert_close(solved(systems, 200, start), expected, 1e-4)


def test_as_many_steps_as_interactions_are_exact() -> None:
    """With n interactions n + 1 steps solve a row: the preconditioned matrix has no more different eigenvalues."""
    systems = random_systems(1, 25, 40, 24, 0.25)
    most, exact = int(np.diff(systems.indptr).max()) + 1, oracles.least_squares_rows(*systems)
    assert most < 24
    after, before = (np.abs(solved(systems, n, np.ones_like(exact)) - exact).max() for n in (most, most // 2))
    assert after < 1e-3 < 0.1 * before


def test_every_step_comes_nearer() -> None:
    """The error, in the norm of the system, falls with each step of every row that is not yet solved."""
    systems = random_systems(2, 20, 40, 16, 0.9)
    exact, errors = oracles.least_squares_rows(*systems), []
    for n_steps in range(1, 5):
        error = solved(systems, n_steps, np.zeros_like(systems.targets)) - exact
        squares = (error**2 * (systems.shared + systems.own[:, np.newaxis])).sum(axis=1)
        for row in range(20):
            edges = slice(systems.indptr[row], systems.indptr[row + 1])
            products = systems.factors[systems.indices[edges]] @ error[row]
            squares[row] += (systems.weights[edges] * products**2).sum()
        errors.append(squares)
    assert (np.diff(errors, axis=0) <= 1e-6 * np.maximum(errors[0], 1e-3)).all()
    assert errors[-1].sum() < 0.1 * errors[0].sum()


def test_the_number_of_threads_changes_no_bit() -> None:
    """Rows are solved on their own, so that they do not depend on which thread has them."""
    systems, start = random_systems(3, 50, 30, 12, 0.6), np.ones((50, 12), dtype=np.float32)
    threads = {solved(systems, 3, start, n).tobytes() for n in (1, 2, 7)}
    assert len(threads) == 1
