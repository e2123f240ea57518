"""Learning a mixture: each part on its own, then the weights on the validation interactions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from llminit.arrays import FloatArray, IntArray
from llminit.config import MAX_EMBEDDING_SIZE, Config, FitConfig, Names
from llminit.data import HeldOut
from llminit.errors import ConfigError
from llminit.evaluation import Scorer
from llminit.models import BACKBONES, BASELINES, is_baseline
from llminit.models.mixture import Mixture, mixed
from llminit.pipeline.distill import distilled_from
from llminit.pipeline.learned import Learned
from llminit.pipeline.validation import validation_metric
from llminit.progress import Reporter

MIXTURE = "mixture"

_SHARES = tuple(step / 10 for step in range(1, 10))


class MixtureConfig(Config):
    """The options of a mixture."""

    parts: Names = Field(default=("softmax", "l3ae"), min_length=2)
    """The models that are mixed."""
    weights: tuple[float, ...] | None = None
    """The weight of each part; by default validation chooses them."""
    part_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The options of each part, by its name."""
    distill: int | None = Field(default=None, ge=1, le=MAX_EMBEDDING_SIZE)
    """The width of two tables that keep the mixture's scores and serve in its place; by default the models serve."""

    def part_config(self, config: FitConfig, name: str) -> FitConfig:
        """Return the options with which a part is learned, `config` being those of the whole fit."""
        return config.model_copy(update={"backbone": name, "backbone_options": self.part_options.get(name, {})})


def check_mixture(options: dict[str, Any]) -> MixtureConfig:
    """Return the options of a mixture, after checking them and those of its parts.

    Raises:
        ConfigError: A part or an option is unknown, or there is not one weight for each part.
    """
    config = MixtureConfig.make(**options)
    unknown = [name for name in config.parts if name not in BACKBONES and name not in BASELINES]
    unknown += sorted(config.part_options.keys() - set(config.parts))
    if unknown:
        raise ConfigError(
            f"the mixture names {unknown[0]!r}, expected parts that are models, and options of its parts; "
            f"choose of {', '.join([*BACKBONES, *BASELINES])}"
        )
    trained = [name for name in config.parts if not is_baseline(name)]
    if len(trained) > 1:
        raise ConfigError(
            f"the mixture trains {' and '.join(trained)}, expected at most one backbone; mix one with baselines"
        )
    if config.weights is not None and len(config.weights) != len(config.parts):
        raise ConfigError(
            f"found {len(config.weights)} weights for {len(config.parts)} parts of the mixture, expected one for each"
        )
    for name in config.parts:
        registry = BASELINES if is_baseline(name) else BACKBONES
        registry.entry(name).options_type.make(**config.part_options.get(name, {}))
    return config


def learn_mixture(
    held_out: HeldOut, config: FitConfig, learn_part: Callable[[FitConfig], Learned], reporter: Reporter
) -> Learned:
    """Learn the parts, then choose their weights on the validation interactions unless they are options.

    Args:
        held_out: The data.
        config: The options of the fit; those of the mixture are its `backbone_options`.
        learn_part: Learns one part, whose options it is given.
        reporter: Receives progress.
    """
    options = check_mixture(config.backbone_options)
    parts = [learn_part(options.part_config(config, name)) for name in options.parts]
    scorers = [part.scorer for part in parts]
    weights = options.weights
    if weights is None and len(held_out.split.valid):
        weights = chosen_weights(scorers, validation_metric(held_out, config), config.valid_metric, reporter)
    weights = weights or (1 / len(scorers),) * len(scorers)
    chosen = {
        name: options.part_options.get(name, {}) | part.options for name, part in zip(options.parts, parts, strict=True)
    }
    trained = next((part for part in parts if part.best_epoch is not None), parts[0])
    mixture = replace(
        trained,
        model=Mixture([part.model for part in parts], weights),
        scorer=mixed_scorer(scorers, weights),
        cold=tuple(part.cold[0] for part in parts),
        users_from=tuple(part.users_from[0] for part in parts),
        options={"parts": list(options.parts), "weights": list(weights), "part_options": chosen}
        | ({} if options.distill is None else {"distill": options.distill}),
        seconds=sum(part.seconds for part in parts),
        n_items_without_text=max(part.n_items_without_text for part in parts),
    )
    return mixture if options.distill is None else distilled_from(mixture, held_out, config, options.distill, reporter)


def mixed_scorer(scorers: Sequence[Scorer], weights: Sequence[float]) -> Scorer:
    """Return the scorer of a mixture from those of its models."""

    def score(users: IntArray) -> FloatArray:
        return mixed([np.asarray(scorer(users)) for scorer in scorers], weights)

    return score


def chosen_weights(
    scorers: Sequence[Scorer], measure: Callable[[Scorer], float], metric: str, reporter: Reporter
) -> tuple[float, ...]:
    """Add one part after the other, each with the share that is best on the validation interactions.

    Args:
        scorers: Those of the parts.
        measure: Returns the metric of a scorer.
        metric: Its name, for people.
        reporter: Receives progress.
    """

    def measured(weights: Sequence[float]) -> float:
        return measure(mixed_scorer(scorers, weights))

    best = (1.0, *(0.0,) * (len(scorers) - 1))
    with reporter.task("weighing the mixture", len(_SHARES) * (len(scorers) - 1) + 1) as task:
        best_value = measured(best)
        task.advance()
        for index in range(1, len(scorers)):
            before = best
            for share in _SHARES:
                weights = tuple((1 - share) * weight for weight in before)
                weights = (*weights[:index], share, *weights[index + 1 :])
                value = measured(weights)
                task.advance(status=f"best {metric} {max(value, best_value):.4f}")
                if value > best_value:
                    best, best_value = weights, value
    return best
