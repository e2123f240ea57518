"""The search space: which options of `fit` are searched, and between which values, by rules from the data and the text.

This file is all there is to it. What a call names is not searched. A study of another space is refused, so a change
here makes the studies of earlier versions unusable, which is what it should do.
"""

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from llminit.config import SVD, TEXT_FREE, XAVIER, FitConfig
from llminit.data import Dataset
from llminit.models import BACKBONES, Sizes, is_baseline
from llminit.pipeline.mixture import MIXTURE
from llminit.pipeline.presets import PRESETS, WIDE_SOFTMAX, fitted_to_data
from llminit.text import TextEmbeddings
from llminit.text.directions import directions
from llminit.tuning.config import TuneConfig

SELECTIONS = ("canonical", "propagated-whiten", "whiten", "pca", "variance")
WIDTHS = (64, 128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096)
WIDTHS_WITHOUT_TEXT = (32, 64, 128, 256)
MAX_MODEL_BYTES = 4 * 2**30
"""Widths whose model would need more memory are left out."""
BATCH_SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
STEPS_AN_EPOCH = 64
"""Batches that would leave fewer steps to an epoch are left out, but for the smallest."""
TEXT_MODEL = "softmax"
"""The backbone of the mixture."""


class Suggests(Protocol):
    """What gives a trial its values; an Optuna trial does."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...  # noqa: D102
    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float: ...  # noqa: D102
    def suggest_int(self, name: str, low: int, high: int) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def suggest(self, trial: Suggests, name: str) -> Any:
        """Return a value."""
        return self.values[0] if len(self.values) == 1 else trial.suggest_categorical(name, self.values)


@dataclass(frozen=True)
class Floats:
    """A number between two, both included."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Suggests, name: str) -> float:
        """Return a value."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Integers:
    """A whole number between two, both included."""

    low: int
    high: int

    def suggest(self, trial: Suggests, name: str) -> int:
        """Return a value."""
        return trial.suggest_int(name, self.low, self.high)


Dimension = Choice | Floats | Integers
Values = dict[str, Any]
"""What a trial sets: the model as `backbone`, options of `fit`, and the model's own options."""

LEARNING_RATE = Floats(1e-4, 5e-3, log=True)
_SOFTMAX: dict[str, Dimension] = {"temperature": Floats(0.05, 0.5, log=True), "log_q": Floats(0.0, 1.0)}
_LAYERS = Integers(1, 3)

# A name that models of other ranges have too stands behind the model's own name.
OWN_OPTIONS: dict[str, dict[str, Dimension]] = {
    "softmax": _SOFTMAX,
    "history": _SOFTMAX,
    MIXTURE: _SOFTMAX,
    "lightgcn": {"lightgcn.n_layers": _LAYERS, "lightgcn.reg_weight": Floats(1e-6, 1e-3, log=True)},
    "sgl": {
        "sgl.n_layers": _LAYERS,
        "sgl.ssl_tau": Floats(0.1, 0.5, log=True),
        "sgl.ssl_weight": Floats(0.005, 0.5, log=True),
    },
    "sgcl": {"sgcl.n_layers": _LAYERS, "sgcl.temperature": Floats(0.1, 0.5, log=True)},
}
"""Options of models that are searched; those of other models are left as they are."""

BEGINNINGS: dict[str, dict[str, Any]] = {"fast": PRESETS["fast"], "wide": WIDE_SOFTMAX, "max": PRESETS["max"]}
"""What is tried first. `best` is `max`, distilled after it was chosen, so that its options are those of `max`."""

SHORT_TRAINING = {name: PRESETS["fast"][name] for name in ("epochs", "patience", "valid_users")}
"""How long models of the softmax kind train, and on whom they validate; the others train as `fit` does."""


@dataclass(frozen=True)
class First:
    """A trial that comes before the search.

    Attributes:
        label: A key of `BEGINNINGS`, or a model as `fit` makes it without any option.
        values: What it sets.
    """

    label: str
    values: Values


@dataclass(frozen=True)
class Space:
    """What a search tries.

    Attributes:
        base: The options that all trials share.
        models: The models that are searched, with what is searched of each.
        first: What is tried first, in order; baselines, which choose their own options on validation, only here.
    """

    base: FitConfig
    models: dict[str, dict[str, Dimension]]
    first: list[First]

    def suggest(self, trial: Suggests) -> Values:
        """Return the values of a trial."""
        model = Choice(tuple(self.models)).suggest(trial, "backbone")
        return {"backbone": model} | {name: own.suggest(trial, name) for name, own in self.models[model].items()}

    def config(self, values: Values) -> FitConfig:
        """Return the options of `fit` that a trial stands for."""
        model = values["backbone"]
        options = {name: value for name, value in values.items() if name in FitConfig.model_fields}
        own = {name.rpartition(".")[2]: value for name, value in values.items() if name not in options}
        if model == MIXTURE:
            own = {"part_options": {TEXT_MODEL: own}}
        named = self.base.model_fields_set
        short = {} if model not in OWN_OPTIONS or OWN_OPTIONS[model] is not _SOFTMAX else SHORT_TRAINING
        short = {name: value for name, value in short.items() if name not in named}
        return self.base.model_copy(update=short | options | {"backbone_options": own})

    def described(self) -> dict[str, Any]:
        """Return the space as values that can be written as JSON; two spaces are the same if these are."""
        models = {
            model: {name: {"kind": type(own).__name__} | asdict(own) for name, own in dimensions.items()}
            for model, dimensions in self.models.items()
        }
        return {"models": models, "first": [asdict(first) for first in self.first]}


def search_space(asked: TuneConfig, dataset: Dataset, text: TextEmbeddings | None) -> Space:
    """Return the space for these data, without what the call has named.

    Args:
        asked: The call's options.
        dataset: The data. What is read of it are its sizes.
        text: The items' text embeddings; None without text, where embeddings start at random unless svd is named.
    """
    fixed = asked.fixed()
    if text is None:
        fixed |= {"init": asked.init if asked.init in TEXT_FREE else XAVIER}
    base = FitConfig.make(**fixed)
    widest = _widest(base, dataset, text)
    first = _first(asked, fixed, dataset, text, widest)
    shared = _shared(asked, fixed, dataset, widest, first)
    models = {
        model: {**shared, **OWN_OPTIONS.get(model, {})}
        for model in asked.backbones
        if model == MIXTURE or not is_baseline(model)
    }
    return Space(base, models, first)


def _widest(base: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> int | None:
    """Return the width beyond which there is nothing to start from; None where there is no such width."""
    if base.init == SVD:
        return min(dataset.n_users, dataset.n_items) - 1
    return None if text is None or base.init in TEXT_FREE else directions(text)


def _first(
    asked: TuneConfig, fixed: dict[str, Any], dataset: Dataset, text: TextEmbeddings | None, widest: int | None
) -> list[First]:
    """Return the beginnings of the named models, and each model without a preset as `fit` makes it."""
    trials: list[First] = []
    for label, values in BEGINNINGS.items():
        if values["backbone"] in asked.backbones:
            named = FitConfig.make(**fixed)
            filled = named.model_copy(update={"preset": "fast", **values, **fixed})
            trials.append(First(label, _values(fitted_to_data(named, filled, dataset, text))))
    for model in asked.backbones:
        if is_baseline(model) and model != MIXTURE:
            trials.append(First(model, {"backbone": model}))
        elif OWN_OPTIONS.get(model) is not _SOFTMAX:
            trials.append(First(model, _values(FitConfig.make(**fixed, backbone=model))))
    for trial in trials:
        if widest is not None and "embedding_size" in trial.values and "embedding_size" not in fixed:
            trial.values["embedding_size"] = min(trial.values["embedding_size"], widest)
    return [trial for index, trial in enumerate(trials) if trial.values not in [one.values for one in trials[:index]]]


def _values(config: FitConfig) -> Values:
    """Return the values that stand for options of `fit`."""
    model, given = config.backbone, config.backbone_options
    trained = TEXT_MODEL if model == MIXTURE else model
    if model == MIXTURE:
        given = given.get("part_options", {}).get(TEXT_MODEL, {})
    options = BACKBONES.entry(trained).options_type.make(**given)
    own = {name: getattr(options, name.rpartition(".")[2]) for name in OWN_OPTIONS.get(model, {})}
    shared = ("init", "embedding_size", "learning_rate", "train_batch_size")
    return {"backbone": model} | {name: getattr(config, name) for name in shared} | own


def _shared(
    asked: TuneConfig, fixed: dict[str, Any], dataset: Dataset, widest: int | None, first: list[First]
) -> dict[str, Dimension]:
    """Return what is searched of every model: what the call names is one value."""
    sizes = [trial.values["embedding_size"] for trial in first if "embedding_size" in trial.values]
    batches = [size for size in BATCH_SIZES if size * STEPS_AN_EPOCH <= dataset.n_interactions]
    free: dict[str, Dimension] = {
        "init": Choice(SELECTIONS),
        "embedding_size": Choice(tuple(sorted({*_widths(asked, dataset, widest), *sizes}))),
        "learning_rate": LEARNING_RATE,
        "train_batch_size": Choice(tuple(sorted({BATCH_SIZES[0], *batches}))),
    }
    return {name: Choice((fixed[name],)) if name in fixed else own for name, own in free.items()}


def _widths(asked: TuneConfig, dataset: Dataset, widest: int | None) -> list[int]:
    """Return the widths that the text and the memory allow."""
    if widest is None:
        return list(WIDTHS_WITHOUT_TEXT)
    below = [width for width in WIDTHS if width < widest] or [max(1, widest // 4), max(1, widest // 2)]
    trained = [BACKBONES[name] for name in (*asked.backbones, TEXT_MODEL) if name in BACKBONES]

    def needed(width: int) -> int:
        sizes = Sizes(dataset.n_users, dataset.n_items, dataset.n_interactions, width)
        return max(kind.memory_bytes(sizes) for kind in trained)

    return [width for width in (*below, widest) if width == below[0] or needed(width) <= MAX_MODEL_BYTES]
