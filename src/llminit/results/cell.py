"""The records of a results folder: its header, finished cells and failed ones."""

from typing import Any

from pydantic import Field

from llminit.config import Config
from llminit.results.key import CellKey

Metrics = dict[str, dict[str, float]]


class Header(Config):
    """What all cells of a results folder have in common."""

    config: dict[str, Any]
    """The options of the comparison, the grid's included."""
    fingerprint: str
    """SHA-256 of the interactions and of the options that every cell depends on."""
    data: dict[str, Any]
    """Counts of the data after filtering: n_users, n_items, n_interactions and more."""
    encoders: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By label, the text embeddings' `fingerprint`, `width` and `n_missing`."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that matter."""
    machine: str = ""
    """The machines in words, the oldest first, separated by "; "."""
    planned: list[str] = Field(default_factory=list)
    """Names of the cells of all calls together, finished or not."""
    command: str = ""
    """The command lines that made and extended the folder, one a line, the oldest first."""


class Cell(Config):
    """One finished cell; everything but the ranks of the test interactions."""

    key: CellKey
    """What was trained and measured."""
    fingerprint: str
    """SHA-256 of everything that the cell depends on."""
    split: str
    """Names the file of the test interactions."""
    metrics: Metrics
    """By protocol, metrics such as "recall@10": means over the users with a test interaction."""
    groups: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)
    """By protocol and group, metrics and "n", the users or test interactions that they are means over."""
    beyond: Metrics = Field(default_factory=dict)
    """By protocol, measures beyond accuracy such as "coverage@10"."""
    best_epoch: int | None = None
    """The epoch that is measured; 0 is the untrained state; None for a baseline."""
    history: list[dict[str, Any]] | None = None
    """One record an epoch: epoch, loss, valid, seconds; None for a baseline."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """How long "fit" (with tuning) and "evaluate" took."""
    peak_memory_bytes: int | None = None
    """Peak memory of the process (or of the accelerator); None where it is unknown."""
    n_parameters: int | None = None
    """Trained or stored numbers."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The options of the model, the tuned ones included."""
    tuning: list[dict[str, Any]] | None = None
    """The trials on the validation interactions: options and valid; None where nothing was tuned."""
    collapse: dict[str, Any] | None = None
    """Collapse measures of the "initial" and the "final" embeddings; None for a baseline."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that made the cell."""


class Failure(Config):
    """A cell that could not be finished."""

    key: CellKey
    """The cell."""
    error: str
    """Why it failed."""
