"""Families of verdicts whose claims would all be false, simulated from users' hits."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from llminit.results import Method
from llminit.statistics.paired import holm
from llminit.statistics.two_way import compare_paired
from llminit.verdicts.compare import Compared
from llminit.verdicts.families import Pair
from llminit.verdicts.judge import judge
from llminit.verdicts.record import Verdict
from simulated_hits import simulated_hits

XAVIER = Method(model="lightgcn", init="xavier", embedding_size=8)


def simulated_family(
    rng: np.random.Generator, n_comparisons: int = 4, n_seeds: int = 5, n_users: int = 250, **options: Any
) -> list[Verdict]:
    """Judge as many methods against one reference, all drawn alike: every claim is false."""
    reference, *others = simulated_hits(rng, n_comparisons + 1, n_seeds, n_users, **options)
    methods = [Method(model="lightgcn", init=f"text-{i}", embedding_size=8) for i in range(n_comparisons)]
    family = [
        Compared(Pair("init", method, XAVIER), "standard", compare_paired(values, reference), (-math.inf, math.inf))
        for method, values in zip(methods, others, strict=True)
    ]
    return judge(family, {each: each.label for each in (XAVIER, *methods)}, "recall@10")


def any_below(verdicts: list[Verdict], field: str, alpha: float = 0.05) -> bool:
    """Whether Holm's correction of these p-values leaves a claim."""
    return bool(holm(np.array([getattr(each, field) for each in verdicts])).min() <= alpha)


@pytest.mark.parametrize("n_seeds", [3, 5])
@pytest.mark.parametrize("effects", [{}, {"seed_sd": 0.15}, {"user_sd": 1.5}, {"user_sd": 1.5, "seed_sd": 0.06}])
def test_verdicts_are_wrong_in_at_most_one_family_in_twenty(effects: dict[str, Any], n_seeds: int) -> None:
    """With no true difference, at most 5 % of simulated families make any claim, within binomial error."""
    rng, n = np.random.default_rng(11), 200
    families = [simulated_family(rng, n_seeds=n_seeds, **effects) for _ in range(n)]
    wrong = sum(any(each.outcome != "no difference shown" for each in family) for family in families)
    assert wrong <= stats.binom.ppf(0.999, n, 0.05)


def test_users_alone_would_claim_too_much_where_training_varies() -> None:
    """Why a verdict does not rest on users alone: with training noise, most families would hold a false claim."""
    rng, n = np.random.default_rng(12), 60
    families = [simulated_family(rng, seed_sd=0.15) for _ in range(n)]
    assert sum(any_below(family, "p_user") for family in families) > 0.3 * n
    assert sum(any_below(family, "p") for family in families) <= stats.binom.ppf(0.999, n, 0.05)


def test_seeds_alone_would_claim_too_much_where_users_differ() -> None:
    """Why a verdict does not rest on seeds alone: all seeds share the users, and so what these happen to like."""
    rng, n = np.random.default_rng(13), 60
    families = [simulated_family(rng, n_seeds=8, user_sd=3.0) for _ in range(n)]
    assert sum(any_below(family, "p_seed") for family in families) > 0.3 * n
    assert sum(any_below(family, "p") for family in families) <= stats.binom.ppf(0.999, n, 0.05)
