"""Means that can be set side by side."""

import pytest

from llminit.verdicts.standing import standing_of


def test_means_are_over_the_seeds_that_all_have() -> None:
    """A method that has run on the easy splits alone is not ahead for that."""
    values = {"long": {0: 0.9, 1: 0.8, 2: 0.7, 3: 0.1, 4: 0.1}, "short": {0: 0.8, 1: 0.7, 2: 0.6}}
    standing = standing_of(values)
    assert standing.means == pytest.approx({"long": 0.8, "short": 0.7})
    assert (standing.seeds, standing.best) == ((0, 1, 2), "long")


def test_too_few_seeds_do_not_compete_with_enough() -> None:
    """One or two seeds are left out beside three, and compete where nothing has more."""
    assert standing_of({"a": {0: 0.1, 1: 0.1, 2: 0.1}, "b": {0: 0.9, 1: 0.9}}).means == pytest.approx({"a": 0.1})
    assert standing_of({"a": {0: 0.1, 1: 0.3}, "b": {0: 0.9, 1: 0.9}}).best == "b"
    assert standing_of({"a": {0: 0.1, 1: 0.3}, "b": {0: 0.9}}).means == pytest.approx({"a": 0.2})


def test_without_a_common_seed_the_one_with_most_counts() -> None:
    """Methods on other seeds cannot be compared and are left out."""
    found = standing_of({"a": {0: 0.1, 1: 0.1, 2: 0.1, 3: 0.1}, "b": {5: 0.9, 6: 0.9, 7: 0.9}})
    assert found.means == pytest.approx({"a": 0.1})
    assert found.seeds == (0, 1, 2, 3)


def test_nothing_stands_nowhere() -> None:
    """Without values there is no best."""
    assert standing_of({}).best is None
    assert standing_of({"a": {}}).means == {}
