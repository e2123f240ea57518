"""A part of a comparison as results of its own, so that a question about it is judged on its own."""

from collections.abc import Collection

import polars as pl

from llminit.evaluation import RelevantRanks
from llminit.results import Cell, CellKey, Failure, Header
from llminit.results.readable import Results


class Part(Results):
    """The cells of some models.

    Args:
        whole: The results.
        models: Names of backbones and baselines.
        embedding_size: Of the backbones; None: all sizes. Baselines have none.
    """

    def __init__(self, whole: Results, models: Collection[str], embedding_size: int | None = None) -> None:
        super().__init__(whole.path)
        self._whole = whole
        self._models = frozenset(models)
        self._sizes = None if embedding_size is None else (embedding_size, None)

    @property
    def exists(self) -> bool:
        """Whether there are results."""
        return self._whole.exists

    @property
    def header(self) -> Header:
        """That of the whole."""
        return self._whole.header

    @property
    def rank_limit(self) -> int:
        """That of the whole."""
        return self._whole.rank_limit

    def cells(self) -> list[Cell]:
        """Return the finished cells of the models, in order of their names."""
        return [cell for cell in self._whole.cells() if self._holds_key(cell.key)]

    def failures(self) -> list[Failure]:
        """Return the cells of the models that failed."""
        return [failure for failure in self._whole.failures() if self._holds_key(failure.key)]

    def ranks(self, cell: Cell) -> dict[str, RelevantRanks]:
        """Return the ranks of a cell's test interactions, by protocol."""
        return self._whole.ranks(cell)

    def split(self, name: str) -> pl.DataFrame:
        """Return the test interactions of a split."""
        return self._whole.split(name)

    def _holds_key(self, key: CellKey) -> bool:
        return key.model in self._models and (self._sizes is None or key.embedding_size in self._sizes)
