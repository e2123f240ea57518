"""From what the caller gives to data, text and a search space, checked before any trial."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llminit.config import TEXT_FREE, XAVIER, FitConfig
from llminit.data import Dataset
from llminit.errors import ConfigError
from llminit.models import BASELINES, Sizes, is_baseline
from llminit.pipeline.checks import check_names, needs_text
from llminit.pipeline.inputs import TextSource, load_dataset, note_unused_text, text_source
from llminit.pipeline.mixture import MIXTURE
from llminit.pipeline.parts import foreign_parts, is_importable
from llminit.pipeline.provenance import data_fingerprint, text_fingerprint
from llminit.pipeline.yardsticks import MAX_BYTES
from llminit.progress import Reporter
from llminit.text import ENCODERS, TextEmbeddings
from llminit.tuning.config import TuneConfig
from llminit.tuning.runner import without_test
from llminit.tuning.space import Space, search_space

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Given:
    """The inputs of a call, as `tune` takes them."""

    interactions: Any
    items: Any
    embeddings: Any
    encoder: Any
    cache: str | Path | None

    @property
    def files(self) -> list[Path]:
        """Those that are paths."""
        return [Path(given) for given in (self.interactions, self.items, self.embeddings) if _is_path(given)]


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a search needs.

    Attributes:
        asked: The options, with the models that can be tried.
        dataset: The data.
        source: Text embeddings and where they are from; None without text.
        space: What is searched.
    """

    asked: TuneConfig
    dataset: Dataset
    source: TextSource | None
    space: Space

    @property
    def text(self) -> TextEmbeddings | None:
        """Text embeddings, one row an item."""
        return None if self.source is None else self.source.embeddings

    @property
    def header(self) -> dict[str, Any]:
        """What the search is of: a stored one of anything else is not continued."""
        header = {
            "format": FORMAT,
            "data": data_fingerprint(self.dataset),
            "text": None if self.text is None else text_fingerprint(self.text),
            "options": self.asked.same_search(),
            "space": self.space.described(),
        }
        # As it comes back from the file.
        read: dict[str, Any] = json.loads(json.dumps(header))
        return read

    @property
    def parts(self) -> list[tuple[str, str]]:
        """What another process must import, each an option and MODULE:NAME."""
        models = [name for name in self.asked.backbones if name != MIXTURE]
        named = [("baselines" if is_baseline(name) else "backbones", name) for name in models]
        return foreign_parts(named + ([("init", self.asked.init)] if self.asked.init not in (None, *TEXT_FREE) else []))


def check_options(asked: TuneConfig) -> None:
    """Check the names of models and selectors, and the metric, before any work.

    Raises:
        ConfigError: One is unknown or cannot be used.
    """
    for model in asked.backbones:
        check_names(FitConfig.make(**asked.fixed() | {"backbone": model}))


def prepare(given: Given, asked: TuneConfig, reporter: Reporter) -> Prepared:
    """Read the data and the texts, and make the search space.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
    """
    dataset = load_dataset(given.interactions, given.items, asked, reporter)
    # What cannot be divided is refused before encoding.
    for index in range(asked.seeds):
        without_test(dataset, FitConfig.make(**asked.fixed()), asked.seed + index)
    has_text = any(value is not None for value in (given.items, given.embeddings, given.encoder))
    has_text = has_text or asked.init not in (None, *TEXT_FREE)
    asked = asked.model_copy(update={"backbones": _models(asked, dataset, reporter, has_text=has_text)})
    source = None
    if has_text and any(_needs_text(asked, model, has_text=True) for model in asked.backbones):
        note_unused_text(given.embeddings, given.encoder, asked.text, reporter)
        source = text_source(
            dataset,
            embeddings=given.embeddings,
            encoder=given.encoder,
            template=asked.text,
            cache=given.cache,
            reporter=reporter,
        )
    space = search_space(asked, dataset, None if source is None else source.embeddings)
    return Prepared(asked, dataset, source, space)


def named_inputs(given: Given, source: TextSource | None) -> dict[str, Any]:
    """Return the inputs that a file of options can name, by the options of `llminit fit`: paths and SPECs."""
    named = {"interactions": given.interactions, "items": given.items}
    named |= {"embeddings": given.embeddings} if source is not None else {}
    inputs: dict[str, Any] = {name: str(Path(path).resolve()) for name, path in named.items() if _is_path(path)}
    if source is not None and source.encoder is not None and source.encoder.partition(":")[0] in ENCODERS:
        inputs["encoder"] = source.encoder
        inputs |= {"encoder_option": source.encoder_options} if source.encoder_options else {}
    return inputs


def can_be_shared(parts: Iterable[tuple[str, str]]) -> bool:
    """Return whether another process can import all parts."""
    return all(is_importable(option, source) for option, source in parts)


def _models(asked: TuneConfig, dataset: Dataset, reporter: Reporter, *, has_text: bool) -> tuple[str, ...]:
    """Return the models that can be tried: a default one that cannot is left out, and that is said.

    Raises:
        ConfigError: One that cannot be tried was named.
    """
    sizes = Sizes(dataset.n_users, dataset.n_items, dataset.n_interactions)
    reasons = {model: "it needs text" for model in asked.backbones if _needs_text(asked, model, has_text=has_text)}
    reasons = {} if has_text else reasons
    if MIXTURE in asked.backbones and BASELINES["l3ae"].memory_bytes(sizes) > MAX_BYTES:
        reasons.setdefault(MIXTURE, f"for {dataset.n_items} items its l3ae needs too much memory")
    for model, reason in reasons.items():
        if "backbones" in asked.model_fields_set:
            raise ConfigError(
                f"{model} cannot be tried: {reason}; leave it out of backbones"
                + ("" if has_text else ", or give an item table or text embeddings")
            )
        reporter.note(f"{model} is left out: {reason}")
    return tuple(model for model in asked.backbones if model not in reasons)


def _needs_text(asked: TuneConfig, model: str, *, has_text: bool) -> bool:
    start = (asked.init or "whiten") if has_text else XAVIER
    return needs_text(FitConfig.make(backbone=model, init=start))


def _is_path(given: Any) -> bool:
    return isinstance(given, str | Path)
