"""The base class of backbones that train without a graph and propagate over it when they serve.

Served are x + w1 A x + w2 A^2 x + ..., x the trained rows at length 1 and A the normalised training graph (test-time
aggregation: TAG-CF, arXiv 2404.08660; LightGODE, arXiv 2407.18910). Training never touches A, so which weights serve
best is found afterwards, on the validation interactions, without training again.
"""

from abc import ABC
from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812

from llminit.arrays import FloatArray
from llminit.graph import propagate_weighted
from llminit.models.backbone import Backbone, BackboneConfig

_WATCHED: tuple[float, ...] = (0.75,)

_LADDER = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Weights of one hop, of which neighbours are tried until none is better."""

_SECOND = (0.5, 1.0)
"""Weights of a second hop, as shares of the first one's."""


class HopConfig(BackboneConfig):
    """The hyper-parameters of a backbone that propagates when it serves."""

    hop_weights: tuple[float, ...] | None = None
    """Weights of one hop, two hops, ... over the training graph when serving; by default validation chooses them."""


class HopBackbone(Backbone, ABC):
    """A backbone whose rows are normalised and propagated when they serve."""

    options_type: ClassVar[type[BackboneConfig]] = HopConfig
    options: HopConfig

    def trained_units(self) -> torch.Tensor:
        """Return the trained rows of all users and items at length 1: float32 of shape (n_nodes, d)."""
        return F.normalize(self.embeddings.detach())

    def watched_hops(self) -> tuple[float, ...]:
        """Return the hops' weights that early stopping watches until validation has chosen."""
        return _WATCHED

    @torch.no_grad()
    def final_embeddings(self) -> tuple[FloatArray, FloatArray]:
        """Return user and item embeddings whose dot products are scores: float32, (n_users, d) and (n_items, d)."""
        return self._served(self.serving_weights)

    @property
    def serving_weights(self) -> tuple[float, ...]:
        """The weights of the hops that serve."""
        weights = self.options.hop_weights
        return self.watched_hops() if weights is None else weights

    def choose_serving(self, validate: Callable[[FloatArray, FloatArray], float]) -> dict[str, Any]:
        """Choose the hops' weights on the validation interactions, unless they are options.

        The weight of one hop is climbed up or down `_LADDER` as long as that is better, and a second hop is tried after
        it; of equals, the one with less weight wins.
        """
        if self.options.hop_weights is not None:
            return {}
        weights = best_weights(lambda weights: validate(*self._served(weights)))
        self.options = self.options.model_copy(update={"hop_weights": weights})
        return {"hop_weights": list(weights)}

    @torch.no_grad()
    def _served(self, weights: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
        nodes = propagate_weighted(self.trained_units(), self.adjacency, weights).cpu().numpy()
        return nodes[: self.n_users].copy(), nodes[self.n_users :].copy()


def best_weights(measure: Callable[[tuple[float, ...]], float]) -> tuple[float, ...]:
    """Climb from the watched weight to the best one near it, and return it with the second hop's where that is better.

    Each measurement ranks all items for all validation users, and a curve over the weight has one top on every data set
    that was looked at, so that the others are not measured.
    """
    scores: dict[tuple[float, ...], float] = {}

    def score(weights: tuple[float, ...]) -> float:
        if weights not in scores:
            scores[weights] = measure(weights)
        return scores[weights]

    best = _LADDER.index(_WATCHED[0])
    while best > 0 and score(_one_hop(best - 1)) >= score(_one_hop(best)):
        best -= 1
    while best + 1 < len(_LADDER) and score(_one_hop(best + 1)) > score(_one_hop(best)):
        best += 1
    weight, lower = _LADDER[best], _LADDER[max(best - 1, 0)]
    # A second hop adds to the first one, or takes the place of a part of it.
    two_hops = [*((weight, share * weight) for share in _SECOND), (lower, lower)]
    return max([_one_hop(best), *(weights for weights in two_hops if weights[0])], key=score)


def _one_hop(index: int) -> tuple[float, ...]:
    return (_LADDER[index],) if _LADDER[index] else ()
