"""What is checked of a fit's options before any work: names, their options, and whether text is needed."""

from llminit.config import TEXT_FREE, FitConfig
from llminit.errors import ConfigError
from llminit.evaluation import parse_metric
from llminit.models import BACKBONES, BASELINES, is_baseline
from llminit.pipeline.mixture import MIXTURE, check_mixture
from llminit.selectors import SELECTORS, check_selection


def check_names(config: FitConfig) -> None:
    """Validate the names of the model and its start, and their options, before any work.

    Raises:
        ConfigError: One is unknown or cannot be used.
    """
    parse_metric(config.valid_metric)
    if config.backbone == MIXTURE:
        parts = check_mixture(config.backbone_options).parts
        if all(is_baseline(name) for name in parts):
            return
    elif config.backbone not in BACKBONES:
        if config.backbone not in BASELINES:
            raise ConfigError(
                f"unknown backbone {config.backbone!r}; choose one of {', '.join(BACKBONES)}, or a baseline: "
                f"{', '.join(BASELINES)}"
            )
        BASELINES.entry(config.backbone).options_type.make(**config.backbone_options)
        return
    else:
        BACKBONES.entry(config.backbone).options_type.make(**config.backbone_options)
    if config.init in SELECTORS:
        check_selection(config.init, config.init_options, config.embedding_size)
    elif config.init not in TEXT_FREE:
        raise ConfigError(
            f"unknown init {config.init!r}; choose {', '.join(TEXT_FREE)}, or a selector: {', '.join(SELECTORS)}"
        )
    elif config.init_options:
        raise ConfigError(
            f"init={config.init!r} takes no options, found {', '.join(config.init_options)}; leave them out"
        )


def check_cold_items(config: FitConfig) -> None:
    """Check that held-out items can be given a place by what is fitted.

    Raises:
        ConfigError: They cannot, because it uses no text.
    """
    if config.cold_share is not None and not needs_text(config):
        raise ConfigError(
            f"cold_share={config.cold_share} needs a model that uses the items' text, expected to find new items a "
            f"place; found backbone={config.backbone!r} with init={config.init!r}: use a selector of text embeddings, "
            "or leave cold_share out"
        )


def needs_text(config: FitConfig) -> bool:
    """Return whether a fit needs text embeddings: for where it starts, or for its model."""
    if config.backbone == MIXTURE:
        mixture = check_mixture(config.backbone_options)
        return any(needs_text(mixture.part_config(config, name)) for name in mixture.parts)
    if is_baseline(config.backbone):
        return BASELINES[config.backbone].make(**config.backbone_options).uses_text()
    return config.init not in TEXT_FREE


def learns_from_order(config: FitConfig) -> bool:
    """Return whether a model, or a part of a mixture, makes something of the order of interactions."""
    names = check_mixture(config.backbone_options).parts if config.backbone == MIXTURE else (config.backbone,)
    return any(is_baseline(name) and BASELINES[name].learns_from_order for name in names)
