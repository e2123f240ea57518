"""Families of tests corrected together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.statistics.gatekeeping import corrected_families, levels_left
from llminit.statistics.paired import holm


def slow_rejections(families: list[list[float]], alpha: float) -> list[list[bool]]:
    """Follow the procedure at one alpha: equal shares, Holm in each family, shares of the finished passed on."""
    rejected = [[False] * len(family) for family in families]
    while True:
        left = [index for index, family in enumerate(rejected) if not all(family)]
        if not left:
            return rejected
        share, before = alpha / len(left), [list(family) for family in rejected]
        for index in left:
            rejected[index] = [bool(p <= share) for p in holm(np.array(families[index]))]
        if rejected == before or [i for i, family in enumerate(rejected) if not all(family)] == left:
            return rejected


p_values = st.lists(st.floats(0, 1).map(lambda p: p**3), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(families=st.lists(p_values, min_size=1, max_size=4), alpha=st.sampled_from([0.2, 0.05, 0.01]))
def test_corrected_values_are_the_alphas_of_the_step_by_step_procedure(
    families: list[list[float]], alpha: float
) -> None:
    """A corrected value is at most alpha exactly where the procedure, followed step by step, rejects."""
    corrected = corrected_families([np.array(family) for family in families])
    near = any(abs(p - alpha) < 1e-9 for family in corrected for p in family)
    if not near:
        assert [[bool(p <= alpha) for p in family] for family in corrected] == slow_rejections(families, alpha)


def test_a_finished_family_leaves_its_share_to_the_others() -> None:
    """.04 is not shown beside an open family, and is beside one in which all was shown."""
    assert corrected_families([np.array([0.04]), np.array([0.5])])[0] == pytest.approx([0.08])
    assert corrected_families([np.array([0.04]), np.array([0.001, 0.01])])[0] == pytest.approx([0.04])


def test_one_family_is_corrected_as_by_holm() -> None:
    """Alone, a family has all of alpha."""
    values = np.array([0.01, 0.04, 0.03])
    np.testing.assert_allclose(corrected_families([values])[0], holm(values))
    assert corrected_families([]) == []


def test_false_findings_of_all_families_together_are_rare() -> None:
    """With some true and some false hypotheses in each of three families, at most 5 % of draws reject a true one."""
    rng, n, wrong = np.random.default_rng(0), 2000, 0
    for _ in range(n):
        families = [np.append(rng.random(3), rng.random(4) ** 60) for _ in range(3)]
        # A family without a true hypothesis gives its share away.
        families.append(rng.random(2) ** 60)
        corrected = corrected_families(families)
        wrong += any((family[:3] <= 0.05).any() for family in corrected[:3])
    assert 0.03 * n < wrong <= 0.06 * n


def test_what_is_left_to_be_below() -> None:
    """Two open families share alpha, and each divides its share among what is open in it."""
    corrected = [np.array([0.5, 0.2, 0.01]), np.array([0.3]), np.array([0.01])]
    assert levels_left(corrected, 0.05) == pytest.approx([0.05 / 2 / 2, 0.05 / 2, 0.05 / 2])
