"""The protocol of public data sets: counts and terms, and a method that fetches the two tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from llminit.progress import Reporter


@dataclass(frozen=True)
class SourceInfo:
    """Name, counts and terms of a data set, known before it is fetched."""

    name: str
    n_users: int
    n_items: int
    """Items with an interaction; the item table may hold more."""
    n_interactions: int
    about: str
    license: str


class Source(Protocol):
    """A public data set that can be fetched."""

    @property
    def info(self) -> SourceInfo:
        """Its name, counts and terms."""

    def tables(self, cache: Path, reporter: Reporter) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Fetch the data set and return its interactions and its items.

        Args:
            cache: A folder that keeps downloads, so that a second run, or one after a kill, does not start over.
            reporter: Receives progress.

        Raises:
            EndpointError: The data set cannot be fetched.
            DataError: The fetched data are damaged.
        """
