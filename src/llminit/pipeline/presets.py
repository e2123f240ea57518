"""Presets: models and options that were good on several data sets, fitted to the data at hand by rules.

A preset fills what the caller left open, and nothing else. benchmarks/README.md has what was measured of them.
"""

import math
from typing import Any

from llminit.config import SVD, TEXT_FREE, FitConfig, PresetName
from llminit.data import Dataset
from llminit.errors import ConfigError
from llminit.pipeline.mixture import MIXTURE, check_mixture
from llminit.text import TextEmbeddings
from llminit.text.directions import directions

_TRAINING = {
    "init": "canonical",
    # An epoch's work is the batch times the interactions: half that of 256, at a quality within one percent.
    "train_batch_size": 128,
    "epochs": 50,
    "patience": 2,
    "valid_users": 5000,
}
_WIDE = {"embedding_size": 512, "learning_rate": 5e-4}

PRESETS: dict[PresetName, dict[str, Any]] = {
    "fast": {"backbone": "softmax", "embedding_size": 128, **_TRAINING},
    "best": {"backbone": "mixture", **_TRAINING, **_WIDE},
    "max": {"backbone": "mixture", **_TRAINING, **_WIDE},
}
"""What each preset sets: `fast` trains for seconds, `max` mixes models, `best` makes two tables of what they know."""

WIDE_SOFTMAX: dict[str, Any] = {"backbone": "softmax", **_TRAINING, **_WIDE}
"""What `best` and `max` are without text, which L3AE needs, and where items are too many for it."""

BEST_WIDTH = 256
"""The width of the tables of `best`, unless one is named: wider ones were no better (benchmarks/distillation.py)."""

MAX_ITEMS_OF_L3AE = 12_000
"""With more items the presets do without L3AE, whose time grows with the cube of them: ten minutes of a core there."""


def with_preset(config: FitConfig) -> FitConfig:
    """Return the options with those of the preset where they were left open.

    Without a preset it is `fast`, unless a backbone is named: a named one has its own defaults.

    Raises:
        ConfigError: A preset and another backbone than its own are both named.
    """
    named = config.model_fields_set
    if config.preset is None and "backbone" in named:
        return config
    name = config.preset or "fast"
    values = PRESETS[name] if name == "fast" or config.init not in TEXT_FREE else WIDE_SOFTMAX
    if "backbone" in named and config.backbone != values["backbone"]:
        raise ConfigError(
            f"preset={name!r} is about {values['backbone']}, but the backbone is {config.backbone!r}, expected one of "
            "the two; leave out the preset or the backbone"
        )
    open_values = {option: value for option, value in values.items() if option not in named}
    return config.model_copy(update={"preset": name, **open_values})


def fitted_to_data(asked: FitConfig, chosen: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> FitConfig:
    """Return a preset's options, adapted to the data where the caller left them open.

    Args:
        asked: The caller's options.
        chosen: The result of `with_preset` with them.
        dataset: The data.
        text: The text embeddings; None without text.
    """
    if chosen.preset is None:
        return chosen
    if chosen.backbone == MIXTURE and "backbone" not in asked.model_fields_set and dataset.n_items > MAX_ITEMS_OF_L3AE:
        chosen = _without_l3ae(chosen)
    adapted: dict[str, Any] = {"backbone_options": _with_log_q(chosen, softmax_log_q(dataset))}
    is_open = "embedding_size" not in asked.model_fields_set
    if chosen.init == SVD and is_open:
        adapted["embedding_size"] = max(1, min(chosen.embedding_size, dataset.n_users - 1, dataset.n_items - 1))
    if text is not None and chosen.init not in TEXT_FREE and is_open:
        adapted["embedding_size"] = directions(text, enough=chosen.embedding_size)
    if chosen.preset == "best" and chosen.backbone == MIXTURE:
        width = min(adapted.get("embedding_size", chosen.embedding_size), BEST_WIDTH)
        adapted["backbone_options"] = {"distill": width} | adapted["backbone_options"]
    return chosen.model_copy(update=adapted)


def softmax_log_q(dataset: Dataset) -> float:
    """Return the weight of the softmax's correction for popularity, for data of this density.

    In-batch negatives are drawn by popularity, so that without the correction popular items score too low. Where data
    are dense, as in MovieLens (6 in 100 pairs of a user and an item), all of it is needed; where they are sparse, as in
    Amazon Beauty (1.5 in 1,000), none: rare items have too few interactions to gain what the correction takes from
    them. Between 1.5 and 30 in 1,000 it rises with the logarithm.
    """
    density = dataset.n_interactions / (dataset.n_users * dataset.n_items)
    return float(round(min(max(math.log(density / 0.0015) / math.log(20), 0.0), 1.0), 2))


def _without_l3ae(chosen: FitConfig) -> FitConfig:
    """Return the options of the mixture's backbone alone."""
    options = check_mixture(chosen.backbone_options).part_options.get("softmax", {})
    return chosen.model_copy(update={"backbone": "softmax", "backbone_options": options})


def _with_log_q(chosen: FitConfig, log_q: float) -> dict[str, Any]:
    options = chosen.backbone_options
    if chosen.backbone == "softmax":
        return _softmax_with_log_q(options, log_q)
    if chosen.backbone != MIXTURE:
        return options
    parts = dict(check_mixture(options).part_options)
    return options | {"part_options": parts | {"softmax": _softmax_with_log_q(parts.get("softmax", {}), log_q)}}


def _softmax_with_log_q(options: dict[str, Any], log_q: float) -> dict[str, Any]:
    """Return the options of softmax with the correction, unless its loss, which has no negatives, takes none."""
    return options if options.get("loss") == "directau" else {"log_q": log_q} | options
