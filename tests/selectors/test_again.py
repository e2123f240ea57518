"""A fitted selection over the interactions of another day."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from llminit.selectors import fit_selector
from llminit.selectors.again import applied_over, fitted_again

NAMES: list[tuple[str, dict[str, Any]]] = [
    ("propagated-whiten", {}),
    ("propagated-whiten", {"weight": 0.3}),
    ("propagate:2|whiten:5", {}),
    ("center|propagate|unit|pca:3+prefix:2", {}),
    ("whiten", {}),
    ("canonical", {}),
    ("variance", {"share": 0.5}),
]


def sample(seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    texts = rng.normal(size=(20, 8)).astype(np.float32)
    return texts, sp.csr_array((rng.random((15, 20)) < 0.3).astype(np.float32))


@pytest.mark.parametrize(("name", "options"), NAMES)
def test_over_the_graph_of_the_fit_it_is_the_fit(name: str, options: dict[str, Any]) -> None:
    """With the same interactions the rows are those that the fit made, items without text at the mean of the others."""
    texts, train = sample(0)
    degrees = np.bincount(train.indices, minlength=20)
    arguments: dict[str, Any] = {"item_degrees": degrees, "rng": np.random.default_rng(0), "interactions": train}
    selection = fit_selector(name, texts, 5, options=options, **arguments)
    rows = selection.apply(texts) if selection.rows is None else selection.rows
    found = applied_over(selection, name, options, texts, train)
    np.testing.assert_allclose(found, rows, rtol=1e-4, atol=1e-5)
    wider = np.concatenate([texts, np.zeros((1, 8), dtype=np.float32)])
    more = sp.csr_array(sp.hstack([train, sp.csr_array((15, 1), dtype=np.float32)]))
    np.testing.assert_allclose(applied_over(selection, name, options, wider, more)[:20], found, rtol=1e-5)
    np.testing.assert_allclose(applied_over(selection, name, options, wider, more)[20], found.mean(axis=0), atol=1e-5)


@pytest.mark.parametrize(("name", "options"), NAMES)
def test_without_interactions_there_are_no_hops(name: str, options: dict[str, Any]) -> None:
    """With no interaction at all, every item is what the map alone makes of its text, as a cold item is."""
    texts, train = sample(1)
    arguments: dict[str, Any] = {"item_degrees": np.bincount(train.indices, minlength=20), "interactions": train}
    selection = fit_selector(name, texts, 5, options=options, rng=np.random.default_rng(0), **arguments)
    nothing = sp.csr_array((15, 20), dtype=np.float32)
    np.testing.assert_allclose(applied_over(selection, name, options, texts, nothing), selection.apply(texts))
    empty = np.zeros((3, 8), dtype=np.float32)
    assert applied_over(selection, name, options, empty, nothing[:, :3]).shape == (3, 5)


def test_canonical_is_fitted_again_and_turned_to_where_it_was() -> None:
    """Over other interactions it is what a fit gives, but for a turn, and no turn brings the rows nearer to the old."""
    texts, train = sample(2)
    more = sp.csr_array(((train.toarray() + sample(3)[1].toarray()) > 0).astype(np.float32))

    def fitted(interactions: Any) -> Any:
        degrees = np.bincount(interactions.indices, minlength=20)
        rng = np.random.default_rng(0)
        return fit_selector("canonical", texts, 5, item_degrees=degrees, rng=rng, interactions=interactions)

    old, anew = fitted(train), fitted(more)
    wider = np.concatenate([texts, np.zeros((1, 8), dtype=np.float32)])
    with_one = sp.csr_array(sp.hstack([more, sp.csr_array((15, 1), dtype=np.float32)]))
    found = fitted_again(old, "canonical", {}, wider, with_one)
    rows, expected, before = (each.apply(texts) for each in (found, anew, old))
    np.testing.assert_allclose(rows @ rows.T, expected @ expected.T, atol=1e-4)
    nearest = np.linalg.norm(rows - before)
    assert nearest < np.linalg.norm(expected - before)
    rng = np.random.default_rng(0)
    for _ in range(100):
        turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
        assert np.linalg.norm(rows @ turn - before) > nearest
    np.testing.assert_allclose(fitted_again(old, "canonical", {}, texts, train).apply(texts), before, atol=1e-4)


@pytest.mark.parametrize("name", ["whiten", "propagated-whiten", "center|pca:5"])
def test_what_is_not_made_of_histories_stays(name: str) -> None:
    """The map of another selector is kept as it is."""
    texts, train = sample(4)
    degrees = np.bincount(train.indices, minlength=20)
    selection = fit_selector(name, texts, 5, item_degrees=degrees, rng=np.random.default_rng(0), interactions=train)
    assert fitted_again(selection, name, {}, texts, train) is selection
