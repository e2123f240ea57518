"""The problem that is planned for."""

from typing import Literal

from pydantic import Field

from llminit.config import MAX_COUNT, Config


class Problem(Config):
    """Sizes of the data, of the model and of what it is to be trained on."""

    users: int = Field(ge=1, le=MAX_COUNT)
    """Number of users."""
    items: int = Field(ge=1, le=MAX_COUNT)
    """Number of items."""
    interactions: int = Field(ge=1, le=MAX_COUNT)
    """Number of interactions."""
    dim: int = Field(default=64, ge=1, le=MAX_COUNT)
    """Width of the trained embeddings, d."""
    ranks: int = Field(default=1, ge=1, le=1_000_000)
    """Number of processes that train together, each with the machine's threads that it was measured with."""
    bandwidth: float = Field(default=1.25, gt=0)
    """Gigabytes a second that a rank sends while it receives as many; 1.25 is 10 Gbit/s."""
    round_ms: float = Field(default=0.5, ge=0)
    """Milliseconds that an exchange between all ranks takes before any byte of it; a step has two."""
    batch: int = Field(default=1024, ge=1, le=MAX_COUNT)
    """Training interactions a step, of all ranks together."""
    negatives: Literal["rank", "shared"] = "rank"
    """Whether a pair is compared with the items of its own rank's part of the batch, or with those of all ranks."""
    epochs: int = Field(default=10, ge=1, le=MAX_COUNT)
    """Passes over the interactions."""
    text_width: int = Field(default=384, ge=1, le=MAX_COUNT)
    """Width of the text embeddings, D."""
