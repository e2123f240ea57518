"""The one place where the stages meet: tables -> data set -> split -> initial embeddings -> backbone -> recommender."""

import hashlib
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from llminit.arrays import FloatArray
from llminit.backbones import backbone_class
from llminit.config import DataConfig, FitConfig, InitializeConfig
from llminit.data import Dataset, Split, make_dataset, read_interactions, read_items, split_interactions, to_csr
from llminit.errors import ConfigError
from llminit.evaluation import evaluate, factor_scorer, mean_metric, parse_metric, ranks_under
from llminit.graph import normalized_adjacency
from llminit.initialization import XAVIER, InitialEmbeddings, initial_embeddings, xavier_embeddings
from llminit.progress import SILENT, Reporter
from llminit.recommender import Recommender
from llminit.resume import OutFolder
from llminit.selectors import SELECTORS, selector_named
from llminit.text import Encoder, EncodingCache, TextEmbeddings, encode_items, open_encoder, read_embeddings
from llminit.training import CheckpointFile, TrainingResult, train

DEFAULT_ENCODER = "minilm"


@dataclass(frozen=True, eq=False)
class Division:
    """A split data set as matrices of shape (n_users, n_items), ones where there is an interaction."""

    dataset: Dataset
    split: Split

    @cached_property
    def train(self) -> sp.csr_array:
        """Training interactions."""
        return self._matrix(self.split.train)

    @cached_property
    def valid(self) -> sp.csr_array:
        """Validation interactions."""
        return self._matrix(self.split.valid)

    @cached_property
    def test(self) -> sp.csr_array:
        """Test interactions."""
        return self._matrix(self.split.test)

    @property
    def known_before_valid(self) -> sp.csr_array:
        """Training interactions, which are seen when validating."""
        return self.train

    @cached_property
    def known_before_test(self) -> sp.csr_array:
        """Training and validation interactions, which are seen when testing."""
        return (self.train + self.valid).tocsr()

    def _matrix(self, interactions: Any) -> sp.csr_array:
        return to_csr(interactions, self.dataset.n_users, self.dataset.n_items)


def load_dataset(interactions: Any, items: Any, config: DataConfig) -> Dataset:
    """Read and filter the two tables; see `fit` for what they may be.

    Raises:
        DataError: A table cannot be read or used, or the filters leave nothing.
    """
    item_table = None if items is None else read_items(items, config.columns)
    return make_dataset(read_interactions(interactions, config.columns), item_table, config.filters)


def load_text(
    dataset: Dataset,
    *,
    embeddings: Any = None,
    encoder: str | Encoder | None = None,
    template: str | None = None,
    cache: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> TextEmbeddings:
    """Read the items' text embeddings, or encode their texts; one row for each item of the data set.

    Raises:
        ConfigError: There is neither a source of embeddings nor an item table.
        EmbeddingError: The embeddings cannot be used.
    """
    if embeddings is not None:
        return read_embeddings(embeddings).aligned_to(dataset.items.ids)
    if dataset.item_table is None:
        raise ConfigError(
            "there is nothing to make initial embeddings from, expected text embeddings or an item table; give one of "
            "them, or use init='xavier'"
        )
    opened = open_encoder(encoder or DEFAULT_ENCODER) if encoder is None or isinstance(encoder, str) else encoder
    folder = None if cache is None else EncodingCache(Path(cache))
    return encode_items(dataset.item_table, template, opened, folder, reporter)


def initialize(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: str | Encoder | None = None,
    cache: str | Path | None = None,
    config: InitializeConfig | None = None,
    reporter: Reporter = SILENT,
    **options: Any,
) -> InitialEmbeddings:
    """Make initial embeddings for a trainer of your own.

    All interactions given count as training interactions: leave out what you will test on.

    Args:
        interactions: A path or a pandas, polars or Arrow table.
        items: The same, for the item table; not needed where `embeddings` are given.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        config: All options at once, instead of `options`.
        reporter: Receives progress.
        options: Fields of `InitializeConfig`, such as `select="variance"`, `embedding_size=64`.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
    """
    config = InitializeConfig.given_or_made(config, options)
    selector_named(config.select, config.select_options)
    dataset = load_dataset(interactions, items, config)
    text = load_text(
        dataset, embeddings=embeddings, encoder=encoder, template=config.text, cache=cache, reporter=reporter
    )
    return initial_embeddings(
        dataset.users.ids,
        text,
        to_csr(dataset.interactions, dataset.n_users, dataset.n_items),
        select=config.select,
        embedding_size=config.embedding_size,
        seed=config.seed,
        options=config.select_options,
    )


def fit(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: str | Encoder | None = None,
    cache: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    device: str = "cpu",
    config: FitConfig | None = None,
    reporter: Reporter = SILENT,
    checkpoint_seconds: float = 20.0,
    **options: Any,
) -> Recommender:
    """Fit a recommender whose backbone starts from text embeddings, and measure it on held-out interactions.

    With `out`, the state is kept beside it while training: a killed call, made again, continues to the same result,
    and a finished one returns what it made.

    Args:
        interactions: A path (CSV, TSV, Parquet, JSON Lines, RecBole atomic) or a pandas, polars or Arrow table.
        items: The same, for the item table; needed for text unless `embeddings` are given, and for titles.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        out: Folder to save the recommender to.
        overwrite: Replace a recommender that is there already and was made in another way.
        device: A torch device, "cpu" or "cuda".
        config: All options at once, instead of `options`.
        reporter: Receives progress.
        checkpoint_seconds: Least time between two writes of the state, in seconds.
        options: Fields of `FitConfig`, such as `min_rating=4`, `backbone="sgcl"`, `init="variance"`.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        StorageError: `out` cannot be written.
    """
    started = time.perf_counter()
    config = FitConfig.given_or_made(config, options)
    _check_names(config)
    folder = None if out is None else OutFolder(Path(out))
    if folder is not None:
        folder.check()
    dataset = load_dataset(interactions, items, config)
    text = None
    if config.init != XAVIER:
        text = load_text(
            dataset, embeddings=embeddings, encoder=encoder, template=config.text, cache=cache, reporter=reporter
        )
    fingerprint = fingerprint_of(config, dataset, text)
    if folder is not None and (finished := folder.finished(fingerprint, overwrite=overwrite)) is not None:
        reporter.note(f"{out} was already fitted from the same data with the same options")
        return finished
    division = Division(dataset, split_interactions(dataset, config.splitting, config.seed))
    checkpoint = None if folder is None else folder.checkpoint(fingerprint, checkpoint_seconds)
    initial, result = train_from(division, text, config, device=device, checkpoint=checkpoint, reporter=reporter)
    report = _report(division, config, initial, result, fingerprint)
    report["seconds"] = time.perf_counter() - started + result.earlier_seconds
    recommender = _recommender(dataset, result, report)
    if folder is not None:
        folder.finish(recommender)
    return recommender


def train_from(
    division: Division,
    text: TextEmbeddings | None,
    config: FitConfig,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> tuple[InitialEmbeddings, TrainingResult]:
    """Make initial embeddings and train the backbone from them, watching the validation interactions.

    Args:
        division: The data.
        text: Text embeddings, one row an item; not needed for Xavier.
        config: The options.
        device: A torch device.
        checkpoint: Where to keep the state.
        reporter: Receives progress.
    """
    initial = initial_from(division, text, config)
    result = train_backbone(division, initial, config, device=device, checkpoint=checkpoint, reporter=reporter)
    return initial, result


def train_backbone(
    division: Division,
    initial: InitialEmbeddings,
    config: FitConfig,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> TrainingResult:
    """Train the backbone from given initial embeddings, watching the validation interactions.

    Args:
        division: The data.
        initial: Where training starts.
        config: The options; those of the initial embeddings play no part.
        device: A torch device.
        checkpoint: Where to keep the state.
        reporter: Receives progress.
    """
    dataset, train_part = division.dataset, division.split.train
    adjacency = normalized_adjacency(train_part.users, train_part.items, dataset.n_users, dataset.n_items)
    kind = backbone_class(config.backbone)
    backbone = kind(initial.users, initial.items, adjacency, kind.options_type.make(**config.backbone_options))

    def validate(users: FloatArray, items: FloatArray) -> float:
        scorer = factor_scorer(users, items)
        ranks = ranks_under(config.valid_protocol, scorer, division.valid, division.known_before_valid)
        return mean_metric(ranks, config.valid_metric)

    watch = validate if len(division.split.valid) else None
    if watch is None:
        reporter.note("there are no validation interactions: training runs all its epochs")
    return train(
        backbone, config.training, watch, seed=config.seed, device=device, checkpoint=checkpoint, reporter=reporter
    )


def metrics_on_test(division: Division, users: FloatArray, items: FloatArray) -> dict[str, dict[str, float]]:
    """Measure embeddings on the test interactions under both protocols; empty where there are none."""
    if not len(division.split.test):
        return {}
    found = evaluate(factor_scorer(users, items), division.test, division.known_before_test)
    return {protocol: dict(values) for protocol, values in found.items()}


def fingerprint_of(config: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> str:
    """Return a SHA-256 that names the options and all data that a fit depends on."""
    digest = hashlib.sha256(config.model_dump_json().encode())
    for column in (dataset.users.ids, dataset.items.ids, dataset.item_titles()):
        digest.update(repr(None if column is None else (str(column.dtype), column.to_list())).encode())
    for array in (dataset.interactions.users, dataset.interactions.items, dataset.interactions.timestamps):
        digest.update(b"" if array is None else array.tobytes())
    if text is not None:
        digest.update(text.values.tobytes())
        digest.update(text.missing.tobytes())
    return digest.hexdigest()


def initial_from(division: Division, text: TextEmbeddings | None, config: FitConfig) -> InitialEmbeddings:
    """Make the initial embeddings that a configuration asks for.

    Args:
        division: The data; only its training interactions play a part.
        text: Text embeddings, one row an item; not needed for Xavier.
        config: The options.
    """
    users, items = division.dataset.users.ids, division.dataset.items.ids
    if config.init == XAVIER or text is None:
        return xavier_embeddings(users, items, config.embedding_size, config.seed)
    return initial_embeddings(
        users,
        text,
        division.train,
        select=config.init,
        embedding_size=config.embedding_size,
        seed=config.seed,
        options=config.init_options,
    )


def _check_names(config: FitConfig) -> None:
    """Complain about names that mean nothing now, and not after hours of encoding."""
    backbone_class(config.backbone).options_type.make(**config.backbone_options)
    parse_metric(config.valid_metric)
    if config.init in SELECTORS:
        selector_named(config.init, config.init_options)
    elif config.init != XAVIER:
        raise ConfigError(f"unknown init {config.init!r}; choose {XAVIER}, or a selector: {', '.join(SELECTORS)}")
    elif config.init_options:
        raise ConfigError(f"init={XAVIER!r} takes no options, found {', '.join(config.init_options)}; leave them out")


def _report(
    division: Division, config: FitConfig, initial: InitialEmbeddings, result: TrainingResult, fingerprint: str
) -> dict[str, Any]:
    dataset = division.dataset
    return {
        "n_users": dataset.n_users,
        "n_items": dataset.n_items,
        "n_interactions": dataset.n_interactions,
        "n_items_without_text": initial.n_items_without_text,
        "n_users_without_history": initial.n_users_without_history,
        "metrics": metrics_on_test(division, result.users, result.items),
        "best_epoch": result.best_epoch,
        "history": [asdict(record) for record in result.history],
        "config": config.model_dump(mode="json"),
        "fingerprint": fingerprint,
    }


def _recommender(dataset: Dataset, result: TrainingResult, report: dict[str, Any]) -> Recommender:
    seen = to_csr(dataset.interactions, dataset.n_users, dataset.n_items)
    return Recommender(dataset.users, dataset.items, result.users, result.items, seen, dataset.item_titles(), report)
