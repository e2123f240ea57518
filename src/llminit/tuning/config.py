"""The options of a search: how long, over what, and which options of `fit` are not searched."""

from typing import Any

from pydantic import Field

from llminit.config import (
    MAX_COUNT,
    MAX_EMBEDDING_SIZE,
    MAX_SEEDS,
    DataConfig,
    FitConfig,
    Names,
    Protocol,
    SplitKind,
    TestShare,
)


class TuneConfig(DataConfig):
    """What a search tries. The options of `fit` among these are not searched where they are named."""

    trials: int = Field(default=30, ge=1, le=MAX_COUNT)
    """How many sets of options are tried in all, those of earlier calls counted; the presets' models come first."""
    seconds: float | None = Field(default=None, gt=0)
    """No trial begins after this many seconds of searching, earlier calls counted; by default there is no limit."""
    seeds: int = Field(default=1, ge=1, le=MAX_SEEDS)
    """How many splits, each with a training seed of its own, a trial is averaged over."""
    backbones: Names = Field(default=("softmax", "history", "mixture"), min_length=1)
    """Models, separated by commas: backbones, mixture (of softmax and l3ae) and baselines."""
    split: SplitKind = "random-loo"
    """random-loo, temporal-loo (leave one out), ratio (per user, at random) or global-time."""
    valid_share: float = Field(default=0.1, ge=0, lt=1)
    """For ratio and global-time: the share of interactions for validation."""
    test_share: TestShare = 0.1
    """For ratio and global-time: the share of interactions for testing."""
    seed: int = Field(default=0, ge=0, le=MAX_COUNT)
    """Of the search, and the first of the splits and trainings."""
    valid_metric: str = "ndcg@10"
    """The metric that is searched for, on the validation interactions, as name@k."""
    valid_protocol: Protocol = "standard"
    """The protocol under which it is measured."""
    init: str | None = None
    """Initial embeddings: xavier or svd (no text), or a selector; by default searched."""
    embedding_size: int | None = Field(default=None, ge=1, le=MAX_EMBEDDING_SIZE)
    """Dimensions of the embeddings; by default searched."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Adam's step size; by default searched."""
    train_batch_size: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Training interactions a step; by default searched."""
    epochs: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Most passes over the training interactions; by default those of the presets, or of the model."""
    patience: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    """Training stops once more than this many evaluations in a row are not better; by default as for epochs."""

    valid_users: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Most users that each epoch is validated on, by default as for epochs; trials are compared on all users."""

    def fixed(self) -> dict[str, Any]:
        """Return the options of `fit` that are named."""
        named = self.model_fields_set & FitConfig.model_fields.keys()
        values = {name: getattr(self, name) for name in FitConfig.model_fields if name in named}
        return {name: value for name, value in values.items() if value is not None}

    def same_search(self) -> dict[str, Any]:
        """Return what must be the same in every call that continues a search."""
        return self.model_dump(mode="json", exclude={"trials", "seconds"})
