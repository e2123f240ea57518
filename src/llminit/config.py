"""The base of every configuration: frozen, validated, written to and read from TOML."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)

from llminit.errors import ConfigError
from llminit.storage import replacing_file

Protocol = Literal["standard", "paper"]
PresetName = Literal["fast", "best", "max"]
SplitKind = Literal["random-loo", "temporal-loo", "ratio", "global-time"]
ColdKind = Literal["random", "time"]

XAVIER, SVD = "xavier", "svd"
TEXT_FREE = (XAVIER, SVD)
"""The initial embeddings that need no text: random ones, and the spectrum of the training graph."""

MAX_COUNT = 2**63 - 1
"""What libraries take as a whole number."""
MAX_EMBEDDING_SIZE = 1_000_000
MAX_SEEDS = 10_000
MAX_FIRST_SEED = 10**9


def _check_training_share(test_share: float, info: ValidationInfo) -> float:
    if info.data.get("valid_share", 0.0) + test_share >= 1:
        raise ValueError("valid_share and test_share add up to 1 or more and leave no training data; lower one")
    return test_share


TestShare = Annotated[float, Field(ge=0, lt=1), AfterValidator(_check_training_share)]


class Config(BaseModel):
    """A frozen set of named options that rejects names it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def make(cls, **options: Any) -> Self:
        """Build a configuration from options.

        Raises:
            ConfigError: An option is unknown or its value cannot be used; the message names each.
        """
        try:
            return cls(**options)
        except ValidationError as error:
            raise ConfigError(_explain(cls, error)) from error

    @classmethod
    def from_options(cls, config: Self | None, options: dict[str, Any]) -> Self:
        """Return an existing configuration, or build one from options.

        Raises:
            ConfigError: Both are given, or an option is unknown or its value cannot be used.
        """
        if config is not None and options:
            raise ConfigError(
                f"found config and also the options {', '.join(sorted(options))}, expected one of the two; put all of "
                "them in the config"
            )
        return config if config is not None else cls.make(**options)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read a configuration from a TOML file.

        Raises:
            ConfigError: The file cannot be read, is not TOML, or holds an unknown option.
        """
        return cls.make(**read_toml(Path(path)))

    def to_toml(self, path: str | Path) -> None:
        """Write the configuration as TOML; options that are None are left out."""
        text = tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))
        with replacing_file(Path(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")


class ColumnNames(Config):
    """What the columns of the caller's tables are called."""

    user_id: str = "user_id"
    """Column of the interactions table with the user's id."""
    item_id: str = "item_id"
    """Column of both tables with the item's id."""
    rating: str = "rating"
    """Column of the interactions table with the rating; it may be absent unless a minimum rating is asked for."""
    timestamp: str = "timestamp"
    """Column of the interactions table that orders a user's interactions in time; it may be absent."""


class FilterConfig(Config):
    """Which interactions are kept."""

    min_rating: float | None = None
    """Keep interactions with at least this rating; a missing rating fails it. None keeps all."""
    k_core: int = Field(default=1, ge=1, le=MAX_COUNT)
    """Keep users and items with at least this many interactions, iterated until nothing changes. 1 keeps all."""


class SplitConfig(Config):
    """How interactions are divided into training, validation and test."""

    kind: SplitKind = "random-loo"
    """random-loo, temporal-loo (leave one out), ratio (per user, at random) or global-time."""
    valid_share: float = Field(default=0.1, ge=0, lt=1)
    """For ratio and global-time: the share of interactions for validation."""
    test_share: TestShare = 0.1
    """For ratio and global-time: the share of interactions for testing."""


class TrainingConfig(Config):
    """How a backbone is trained. The defaults are the paper's (arXiv 2503.01814)."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's step size."""
    train_batch_size: int = Field(default=256, ge=1, le=MAX_COUNT)
    """Training interactions a step."""
    epochs: int = Field(default=300, ge=0, le=MAX_COUNT)
    """Most passes over the training interactions; 0 evaluates the initial embeddings untrained."""
    eval_every: int = Field(default=1, ge=1, le=MAX_COUNT)
    """Epochs between two evaluations on the validation interactions; the last epoch is always evaluated."""
    patience: int = Field(default=10, ge=0, le=MAX_COUNT)
    """Training stops once more than this many evaluations in a row are not better (a tie counts as better)."""
    valid_metric: str = "ndcg@10"
    """The metric that early stopping watches, as name@k."""
    valid_protocol: Protocol = "standard"
    """The protocol under which early stopping measures it."""


class DataConfig(FilterConfig):
    """Which columns and rows of the two tables are used."""

    user_column: str = "user_id"
    """Column of the interactions with the user's id."""
    item_column: str = "item_id"
    """Column of both tables with the item's id."""
    rating_column: str = "rating"
    """Column of the interactions with the rating."""
    timestamp_column: str = "timestamp"
    """Column of the interactions that orders them in time."""
    text: str | None = None
    """Template of the item text, such as "{title}. {brand}"; by default made from the usual columns."""

    @property
    def columns(self) -> ColumnNames:
        """The column names as the readers take them."""
        return ColumnNames(
            user_id=self.user_column,
            item_id=self.item_column,
            rating=self.rating_column,
            timestamp=self.timestamp_column,
        )

    @property
    def filters(self) -> FilterConfig:
        """The filters alone."""
        return FilterConfig(min_rating=self.min_rating, k_core=self.k_core)


class InitializeConfig(DataConfig):
    """How initial embeddings are made for a trainer of the caller's own."""

    select: str = "whiten"
    """Selector: how d dimensions are made of the text embeddings; also composed: center|pca:96+svd:32."""
    select_options: dict[str, Any] = Field(default_factory=dict)
    """The selector's own options, such as share=0.2 of variance."""
    embedding_size: int = Field(default=128, ge=1, le=MAX_EMBEDDING_SIZE)
    """Dimensions of the embeddings."""
    seed: int = Field(default=0, ge=0, le=MAX_COUNT)
    """Of all randomness."""


class HeldOutConfig(DataConfig, TrainingConfig):
    """How data are divided, and how backbones are trained on one part of them."""

    split: SplitKind = "random-loo"
    """random-loo, temporal-loo (leave one out), ratio (per user, at random) or global-time."""
    valid_share: float = Field(default=0.1, ge=0, lt=1)
    """For ratio and global-time: the share of interactions for validation."""
    test_share: TestShare = 0.1
    """For ratio and global-time: the share of interactions for testing."""

    @property
    def splitting(self) -> SplitConfig:
        """The split alone."""
        return SplitConfig.make(kind=self.split, valid_share=self.valid_share, test_share=self.test_share)

    @property
    def training(self) -> TrainingConfig:
        """The training alone."""
        return TrainingConfig(**{name: getattr(self, name) for name in TrainingConfig.model_fields})


class FitConfig(HeldOutConfig):
    """How a recommender is fitted."""

    preset: PresetName | None = None
    """A model and its options, fitted to the data: fast, best or max; fast if neither it nor a backbone is named."""
    backbone: str = "softmax"
    """The model that is trained from the initial embeddings; or a baseline, which is fitted without them."""
    backbone_options: dict[str, Any] = Field(default_factory=dict)
    """The backbone's own options, such as n_layers=3; `llminit parts backbones` lists them."""
    init: str = "whiten"
    """Initial embeddings: xavier or svd (no text), or a selector of text embeddings, also composed: pca:96+svd:32."""
    init_options: dict[str, Any] = Field(default_factory=dict)
    """The selector's own options, such as share=0.2 of variance."""
    embedding_size: int = Field(default=128, ge=1, le=MAX_EMBEDDING_SIZE)
    """Dimensions of the embeddings."""
    seed: int = Field(default=0, ge=0, le=MAX_COUNT)
    """Of the split, the initial embeddings and the training."""
    valid_users: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Most users that validation measures, drawn with the seed; by default all."""
    refit: bool = True
    """After measuring, train once more on all interactions, and save that; --no-refit saves the measured one."""
    max_warm_loss: float = Field(default=0.02, ge=0, lt=1)
    """The trade: items that come later, known by their text alone, may cost others this share of their ndcg@10."""
    cold_share: float | None = Field(default=None, gt=0, lt=1)
    """Keep this share of the items out of the measured training, and measure them as items that come later."""
    cold_split: ColdKind = "random"
    """Which items are held out: random ones, or those that appeared last (time)."""
    cold_users: float | None = Field(default=None, gt=0, lt=1)
    """Keep this share of the users out of the measured training, and measure them by their histories alone."""


def _as_list(value: Any) -> Any:
    """Read "a,b" and a single value as lists, without duplicates."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, int | float):
        value = [value]
    return list(dict.fromkeys(value)) if isinstance(value, list | tuple) else value


def _all_is_none(value: Any) -> Any:
    values = [value] if value is None else _as_list(value)
    return [None if entry == "all" else entry for entry in values] if isinstance(values, list) else values


_List = BeforeValidator(_as_list)
Names = Annotated[tuple[str, ...], _List]
Counts = Annotated[tuple[Annotated[int, Field(ge=1, le=MAX_COUNT)], ...], _List]
Shares = Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], _List]
Histories = Annotated[
    tuple[Annotated[int, Field(ge=1, le=MAX_COUNT)] | None, ...],
    BeforeValidator(_all_is_none),
    # TOML has no null.
    PlainSerializer(lambda counts: ["all" if count is None else count for count in counts]),
]


class CompareConfig(HeldOutConfig):
    """What a comparison compares: every combination of these, and for how many seeds."""

    backbones: Names = ("softmax",)
    """Backbones, separated by commas, or none; sgl:3 runs sgl for the first 3 seeds only."""
    inits: Names = ("xavier", "variance", "whiten", "canonical")
    """Initial embeddings: xavier, svd and selectors, also composed (center|pca:96+svd:32), separated by commas."""
    baselines: Names = ("all",)
    """Baselines, separated by commas; all or none."""
    controls: Names = ()
    """Controls of the text initialisation: shuffled (item rows permuted), noise (same mean and spread), untrained."""
    control_init: Names = ()
    """Which initialisations get the controls; by default the first one of text."""
    embedding_sizes: Counts = (128,)
    """Dimensions of the embeddings, separated by commas."""
    train_share: Shares = (1.0,)
    """Shares of the training interactions to keep, separated by commas."""
    max_history: Histories = (None,)
    """Most training interactions to keep of each user, separated by commas; all keeps all."""
    seeds: int = Field(default=5, ge=1, le=MAX_SEEDS)
    """How many seeds; a seed is a split and a training seed."""
    first_seed: int = Field(default=0, ge=0, le=MAX_FIRST_SEED)
    """The first seed."""
    ks: Annotated[Counts, Field(min_length=1)] = (10, 20, 50)
    """Lengths of the lists that are measured, separated by commas."""
    tune: bool = True
    """Choose the baselines' options on the validation interactions, over a small grid."""
    backbone_options: dict[str, Any] = Field(default_factory=dict)
    """Options of backbones, such as n_layers=3 (every backbone that takes it) or sgl.ssl_tau=0.2 (that one)."""
    init_options: dict[str, Any] = Field(default_factory=dict)
    """Options of selectors, such as variance.share=0.2."""
    baseline_options: dict[str, Any] = Field(default_factory=dict)
    """Options of baselines, such as ease.l2=200; they are not tuned."""
    cold_share: float | None = Field(default=None, gt=0, lt=1)
    """Train what uses text once more without this share of the items, and measure them as items that come later."""
    cold_split: ColdKind = "random"
    """Which items are held out: random ones, other ones at each seed, or those that appeared last (time)."""
    cold_users: float | None = Field(default=None, gt=0, lt=1)
    """Hold out this share of the users too, and measure them by their histories alone."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: The file does not exist, cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error}; check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}; correct the file") from error


def _explain(cls: type[Config], error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        # Positions in a list are left out: the message shows the value itself.
        name = ".".join(str(part) for part in problem["loc"] if not isinstance(part, int))
        if problem["type"] == "extra_forbidden":
            lines.append(
                f"unknown option {name!r}; {cls.__name__} takes: {', '.join(sorted(cls.model_fields)) or 'none'}"
            )
        else:
            lines.append(f"{name}={problem['input']!r} cannot be used: {problem['msg']}")
    return "; ".join(lines)
