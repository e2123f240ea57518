"""Where a trial's values are from: given, or drawn by Optuna from what the trials before it gave."""

import warnings
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

RANDOM_TRIALS = 5
"""So many trials beyond the first ones are drawn at random, before there is something to learn from."""


class GivenValues(BaseSampler):
    """Gives a trial values that are known."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return nothing: every value is given on its own."""
        return {}

    def sample_relative(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(
        self,
        study: Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """Return the value of that name."""
        return self._values[param_name]


def tree_sampler(seed: int, position: int, n_first: int) -> TPESampler:
    """Return the sampler of one trial: a tree-structured Parzen estimator (TPE) of all trials before it.

    Its randomness depends on the seed and the trial's position alone, so that a search that was killed goes on to the
    values that it would have had.
    """
    own_seed = int(np.random.SeedSequence([seed, position]).generate_state(1)[0])
    with warnings.catch_warnings():
        # Some versions of Optuna call these options experimental.
        warnings.simplefilter("ignore")
        return TPESampler(
            seed=own_seed, n_startup_trials=n_first + RANDOM_TRIALS, multivariate=True, constant_liar=True
        )
