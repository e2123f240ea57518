"""The two named protocols."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse import csr_array
from strategies_ranking import Problem, make_problem, problems

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, InputError
from llminit.evaluation.metrics import mean_metrics
from llminit.evaluation.protocols import PROTOCOLS, evaluate, ranks_by_protocol, ranks_under
from llminit.evaluation.ranking import matrix_scorer


def test_standard_removes_seen_items_and_paper_does_not() -> None:
    """A seen item above the relevant one worsens its rank under `paper` only."""
    scores = np.array([[3, 2, 1]], dtype=np.float32)
    result = evaluate(matrix_scorer(scores), csr_array([[0, 1.0, 0]]), csr_array([[1.0, 0, 0]]), ks=(1, 2))
    assert result["standard"]["recall@1"] == 1
    assert result["paper"]["recall@1"] == 0
    assert result["paper"]["mrr@2"] == 0.5


@settings(max_examples=30, deadline=None)
@given(problem=problems)
def test_one_pass_for_both_equals_one_pass_for_each(problem: Problem) -> None:
    """Both protocols from one pass equal each protocol on its own, and standard is never below paper."""
    both = ranks_by_protocol(matrix_scorer(problem.scores), *problem.matrices())
    for protocol in PROTOCOLS:
        alone = ranks_under(protocol, matrix_scorer(problem.scores), *problem.matrices())
        assert np.array_equal(both[protocol].ranks, alone.ranks)
    assert (both["standard"].ranks <= both["paper"].ranks).all()


def test_evaluate_scores_each_user_once() -> None:
    """Measuring under two protocols takes one pass over the scores."""
    problem = make_problem(1, n_users=20)
    scored: list[int] = []

    def scorer(users: IntArray) -> FloatArray:
        scored.extend(users)
        return problem.scores[users]

    evaluate(scorer, *problem.matrices(), block_size=3)
    assert scored == sorted(set(scored))


def test_names_and_ks_choose_what_is_measured() -> None:
    """Only the requested metrics are returned, and a generator of names works for both protocols."""
    problem = make_problem(2)
    relevant, seen = problem.matrices()
    result = evaluate(matrix_scorer(problem.scores), relevant, seen, ks=(3,), names=(name for name in ["hit", "map"]))
    ranks = ranks_under("standard", matrix_scorer(problem.scores), relevant, seen)
    assert result["standard"] == mean_metrics(ranks, (3,), ["hit", "map"])
    assert set(result["paper"]) == {"hit@3", "map@3"}


def test_unknown_protocols_and_nothing_to_evaluate_are_refused() -> None:
    """A protocol that does not exist is a ConfigError; a split that holds nothing out is an InputError."""
    scorer, nothing = matrix_scorer(np.zeros((1, 2), dtype=np.float32)), csr_array((1, 2))
    with pytest.raises(ConfigError, match="standard, paper"):
        ranks_under("masked", scorer, nothing, nothing)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no user"):
        evaluate(scorer, nothing, nothing)
