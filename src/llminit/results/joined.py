"""Two results of one comparison, read as one, so that an archive can grow without the folder that it was made from."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import polars as pl

from llminit.errors import ConfigError
from llminit.evaluation import RelevantRanks
from llminit.results.cell import Cell, Failure, Header
from llminit.results.cold import ColdCell
from llminit.results.readable import Results


class Joined(Results):
    """All cells of some results, and those of others that they lack.

    Args:
        first: Their cells stay as they are.
        second: What more there is.

    Raises:
        ArtefactError: A header is missing or damaged.
        ConfigError: They are of other data, or of other options that every cell depends on.
    """

    def __init__(self, first: Results, second: Results) -> None:
        super().__init__(first.path)
        self._first, self._second = first, second
        one, other = first.header, second.header
        if one.fingerprint != other.fingerprint:
            raise ConfigError(
                f"{first.path} and {second.path} are not of one comparison: their data or options have the "
                f"fingerprints {one.fingerprint[:16]} and {other.fingerprint[:16]}, expected the same; compare with "
                "the same data and options, or keep them apart"
            )

    @property
    def exists(self) -> bool:
        """Whether there are results."""
        return self._first.exists or self._second.exists

    @property
    def header(self) -> Header:
        """What all cells have in common; grids, planned cells, machines and commands are those of both."""
        one, other = self._first.header, self._second.header
        config = dict(one.config)
        for name, values in other.config.items():
            config[name] = _both(config.get(name, []), values) if isinstance(values, list) else values
        return other.model_copy(
            update={
                "config": config,
                "encoders": one.encoders | other.encoders,
                "machine": "; ".join(_both(one.machine.split("; "), other.machine.split("; "))),
                "planned": _both(one.planned, other.planned),
                "command": "\n".join(_both(one.command.splitlines(), other.command.splitlines())),
            }
        )

    @property
    def rank_limit(self) -> int:
        """The largest rank that both store as it is."""
        return min(self._first.rank_limit, self._second.rank_limit)

    def cells(self) -> list[Cell]:
        """Read all finished cells, in order of their names; see the base class."""
        return _by_name(self._first.cells(), self._second.cells())

    def cold_cells(self) -> list[ColdCell]:
        """Read all finished cells about new items and users, in order of their names; see the base class."""
        return _by_name(self._first.cold_cells(), self._second.cold_cells())

    def failures(self) -> list[Failure]:
        """Return the cells that neither has finished and one has failed, in order of their names."""
        finished = {cell.key.name for cell in self.cells()}
        failures = _by_name(self._first.failures(), self._second.failures())
        return [failure for failure in failures if failure.key.name not in finished]

    def ranks(self, cell: Cell) -> dict[str, RelevantRanks]:
        """Return the ranks of a cell's test interactions, by protocol; see the base class."""
        return (self._first if cell.key.name in self._names else self._second).ranks(cell)

    def split(self, name: str) -> pl.DataFrame:
        """Return the test interactions of a split; see the base class."""
        return (self._first if name in self._splits else self._second).split(name)

    @cached_property
    def _names(self) -> set[str]:
        return {cell.key.name for cell in self._first.cells()}

    @cached_property
    def _splits(self) -> set[str]:
        return {cell.split for cell in self._first.cells()}


def _both(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    return [*one, *(value for value in other if value not in one)]


def _by_name(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    records = {record.key.name: record for record in [*second, *first]}
    return [records[name] for name in sorted(records)]
