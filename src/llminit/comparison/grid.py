"""The cells of a comparison, in an order in which partial results are useful."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
import scipy.sparse as sp

from llminit.comparison.options import check_options, part_options
from llminit.config import TEXT_FREE, CompareConfig
from llminit.errors import ConfigError, EmbeddingError
from llminit.evaluation import parse_metric
from llminit.models import BACKBONES, BASELINES
from llminit.registry import Registry
from llminit.results.key import CONTROLS, CellKey
from llminit.results.ranks import RANK_LIMIT
from llminit.selectors import FULL, SELECTORS, fit_selector, needed_width


def check_grid(config: CompareConfig) -> None:
    """Validate names and values before any work.

    Raises:
        ConfigError: A name or an option is unknown (the message lists the known ones), an option's value cannot be
            used, or there is no cell.
    """
    backbones = [name for name, _ in _backbones(config)]
    selectors = [name for name in config.inits if name not in TEXT_FREE]
    _check_known(backbones, BACKBONES.names(), "backbone")
    _check_known([name for name in selectors if name not in SELECTORS], [*TEXT_FREE, *SELECTORS], "init")
    _check_known([name for name in config.baselines if name not in ("all", "none")], list(BASELINES), "baseline")
    _check_known(config.controls, CONTROLS, "control")
    _check_known(config.control_init, selectors, "init of a control, expected one of the text inits that are compared")
    parse_metric(config.valid_metric)
    if max(config.ks, default=0) > RANK_LIMIT:
        raise ConfigError(f"ks={max(config.ks)} is beyond the {RANK_LIMIT} ranks that are kept; lower it")
    if config.controls and not selectors:
        raise ConfigError(
            "controls are made from an init of text, but none is compared; add one to inits, such as variance"
        )
    if config.control_init and not config.controls:
        raise ConfigError(
            f"control_init={','.join(config.control_init)} names the inits of controls, but no control is compared; "
            f"add controls: {', '.join(CONTROLS)}"
        )
    check_options(config.backbone_options, {name: _fields(BACKBONES, name) for name in backbones}, "backbone")
    check_options(config.init_options, {name: _fields(SELECTORS, name) for name in selectors}, "selector")
    check_options(
        config.baseline_options, {name: _fields(BASELINES, name) for name in baselines_of(config)}, "baseline"
    )
    _check_values(config, backbones, selectors)
    # The width of the text embeddings is not known yet and is validated by `check_sizes`; here it is assumed to do.
    grid_cells(config, {"text": max(config.embedding_sizes, default=1)} if needs_text(config) else {})


def needs_text(config: CompareConfig) -> bool:
    """Return whether any backbone or baseline that the options name needs text embeddings."""
    named = [name for name in config.baselines if name in BASELINES]
    return _trains_from_text(config) or any(baseline_needs_text(config, name) for name in named)


def baselines_of(config: CompareConfig) -> list[str]:
    """Return the names of the baselines in the grid, each once."""
    names = [name for entry in config.baselines for name in (BASELINES if entry == "all" else [entry])]
    return [name for name in dict.fromkeys(names) if name != "none"]


def without_order(config: CompareConfig) -> CompareConfig:
    """Return the options for data without timestamps: a baseline that learns from their order is compared if named.

    Such a baseline is the same as another one without it.
    """
    if "all" not in config.baselines:
        return config
    names = baselines_of(config)
    kept = tuple(name for name in names if name in config.baselines or not BASELINES[name].learns_from_order)
    return config.model_copy(update={"baselines": kept})


def baseline_needs_text(config: CompareConfig, name: str) -> bool:
    """Return whether a baseline, with the options that were given for it, learns from text embeddings."""
    return BASELINES[name].make(**baseline_options(config, name)).uses_text()


def backbone_options(config: CompareConfig, name: str) -> dict[str, Any]:
    """Return the options that were given for a backbone."""
    return part_options(config.backbone_options, name, _fields(BACKBONES, name))


def selector_options(config: CompareConfig, name: str) -> dict[str, Any]:
    """Return the options that were given for a selector."""
    return part_options(config.init_options, name, _fields(SELECTORS, name))


def baseline_options(config: CompareConfig, name: str) -> dict[str, Any]:
    """Return the options that were given for a baseline."""
    return part_options(config.baseline_options, name, _fields(BASELINES, name))


def grid_cells(config: CompareConfig, widths: Mapping[str, int]) -> list[CellKey]:
    """Return every cell of a comparison: seed by seed, and within a seed the cheap ones first.

    Args:
        config: The options, checked by `check_grid`.
        widths: The width of the text embeddings of each encoder, by label; empty without text.

    Raises:
        ConfigError: There is no cell, or no encoder is wide enough for an embedding size.
    """
    sparsities = list(product(config.train_share, config.max_history))
    cells = []
    for seed in range(config.first_seed, config.first_seed + config.seeds):
        combinations = [*_baseline_cells(config, widths), *_backbone_cells(config, widths, seed - config.first_seed)]
        for share, history in sparsities:
            shared = {"train_share": share, "max_history": history, "seed": seed}
            cells += [CellKey(**fields, **shared) for fields in sorted(combinations, key=_cost)]
    if not cells:
        raise ConfigError("there is nothing to compare; name backbones, inits and embedding sizes, or baselines")
    return list(dict.fromkeys(cells))


Fields = dict[str, str | int | None]


def _baseline_cells(config: CompareConfig, widths: Mapping[str, int]) -> Iterator[Fields]:
    for name in baselines_of(config):
        if not baseline_needs_text(config, name):
            yield {"model": name}
        else:
            for encoder in widths:
                yield {"model": name, "encoder": encoder}


def _backbone_cells(config: CompareConfig, widths: Mapping[str, int], seed_index: int) -> Iterator[Fields]:
    for name, limit in _backbones(config):
        if limit is None or seed_index < limit:
            for init, encoder, size in _initialisations(config, widths):
                yield {"model": name, "init": init, "encoder": encoder, "embedding_size": size}


def _initialisations(config: CompareConfig, widths: Mapping[str, int]) -> Iterator[tuple[str, str | None, int]]:
    """Yield each initialisation with its encoder and size."""
    for init in config.inits:
        if init in TEXT_FREE:
            yield from ((init, None, size) for size in config.embedding_sizes)
            continue
        for encoder, width in widths.items():
            yield from ((init, encoder, size) for size in _sizes(config, init, width))
    first = [name for name in config.inits if name not in TEXT_FREE][:1]
    for init, control in product(config.control_init or first, config.controls):
        for encoder, width in widths.items():
            yield from ((f"{init}/{control}", encoder, size) for size in _sizes(config, init, width))


def _sizes(config: CompareConfig, init: str, width: int) -> list[int]:
    # Text embeddings cannot be made wider than they are; wider cells are left out.
    if init == FULL:
        return [width]
    return [size for size in config.embedding_sizes if needed_width(init, size) <= width]


def named_in(jobs: Iterable[Any]) -> list[tuple[str, str]]:
    """Return the parts that jobs use as pairs of an option and a name; for `foreign_parts`."""
    keys = [job.key for job in jobs]
    baselines = [("baselines", key.model) for key in keys if key.kind == "baseline"]
    backbones = [("backbones", key.model) for key in keys if key.kind != "baseline"]
    inits = [key.selector for key in keys if key.selector not in (None, *TEXT_FREE)]
    selectors = [("inits", name) for init in inits for name in _selectors_in(init)]
    return list(dict.fromkeys([*baselines, *backbones, *selectors]))


def _selectors_in(init: str) -> list[str]:
    composition = SELECTORS.composition(init)
    return [init] if composition is None else composition.selectors


def check_sizes(config: CompareConfig, widths: Mapping[str, int]) -> None:
    """Check that some text embeddings are wide enough for every embedding size.

    Raises:
        ConfigError: An embedding size exceeds the width of all text embeddings.
    """
    widest = max(widths.values(), default=0)
    inits = [name for name in config.inits if name not in (*TEXT_FREE, FULL)]
    too_wide = [size for size in config.embedding_sizes if any(needed_width(name, size) > widest for name in inits)]
    if widths and too_wide:
        raise ConfigError(
            f"embedding_sizes={too_wide[0]} exceeds the text embeddings' {widest} dimensions; lower it or use a wider "
            "encoder"
        )


def _check_values(config: CompareConfig, backbones: Sequence[str], selectors: Sequence[str]) -> None:
    """Check the values of options by making each part with them, as its cells will."""
    for name in backbones:
        _check_made("backbone", name, BACKBONES.entry(name).options_type.make, backbone_options(config, name))
    for name in selectors:
        options = selector_options(config, name)
        _check_made("selector", name, SELECTORS.entry(name).options_type.make, options)
        for size in config.embedding_sizes:
            needed_width(name, size)
        if options:
            _try_selector(name, options)
    for name in baselines_of(config):
        _check_made("baseline", name, BASELINES.entry(name).options_type.make, baseline_options(config, name))


def _check_made(what: str, name: str, make: Callable[..., object], options: dict[str, Any]) -> None:
    try:
        make(**options)
    except ConfigError as error:
        raise ConfigError(f"the options of the {what} {name!r}: {error}") from error


def _try_selector(name: str, options: dict[str, Any]) -> None:
    # A selector validates its options when it is fitted; on a few random embeddings that takes no time.
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(32, 4)).astype(np.float32)
    graph = sp.csr_array(rng.random((8, 32)) < 0.5, dtype=np.float32)
    with suppress(EmbeddingError):  # Too few items for these options; the real data may have enough.
        fit_selector(name, embeddings, 2, item_degrees=np.arange(32), rng=rng, interactions=graph, options=options)


def _fields(registry: Registry[Any], name: str) -> list[str]:
    """Return the names of the options that a part takes."""
    return list(registry.entry(name).options_type.model_fields)


def _trains_from_text(config: CompareConfig) -> bool:
    return bool(_backbones(config)) and any(name not in TEXT_FREE for name in config.inits)


def _backbones(config: CompareConfig) -> list[tuple[str, int | None]]:
    """Return each backbone with the number of seeds that it is limited to, or None."""
    backbones = []
    for text in (name for name in config.backbones if name != "none"):
        name, colon, limit = text.partition(":")
        if colon and (not limit.isdecimal() or int(limit) < 1):
            raise ConfigError(f"{text!r} cannot be used as a backbone; expected NAME or NAME:SEEDS, such as sgl:3")
        backbones.append((name, int(limit) if colon else None))
    return backbones


def _check_known(names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown {what}: {name!r}; choose from: {', '.join(known)}")


def _cost(fields: Fields) -> tuple[float, str, bool]:
    model, init = str(fields["model"]), str(fields.get("init"))
    registry: Registry[Any] = BASELINES if "init" not in fields else BACKBONES
    return registry[model].relative_cost, model, "/" in init
