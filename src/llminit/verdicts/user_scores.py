"""Each user's measure at each seed, for methods that are to be compared: the same users and test items for all."""

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from llminit.arrays import Float64Array, IntArray
from llminit.config import Protocol
from llminit.errors import ArtefactError, ConfigError
from llminit.evaluation import PROTOCOLS, parse_metric, per_user
from llminit.results.cell import Cell
from llminit.results.key import Method
from llminit.results.readable import Results


class UserScores:
    """A metric of the finished cells of a results folder, read as it is asked for.

    Args:
        folder: The results.
        metric: As "recall@10", with k at most as far as the results keep ranks: 1000, or less in an archive.
        protocol: "standard" or "paper".

    Raises:
        ArtefactError: A cell is damaged.
        ConfigError: The metric or the protocol is unknown, or the metric looks further than ranks are kept.
    """

    def __init__(self, folder: Results, metric: str, protocol: Protocol) -> None:
        _check(metric, protocol, folder.rank_limit)
        self._folder, self._metric, self.protocol = folder, metric, protocol
        self._cells: dict[Method, dict[int, Cell]] = {}
        for cell in folder.cells():
            self._cells.setdefault(cell.key.method, {})[cell.key.seed] = cell

    @property
    def cells(self) -> list[Cell]:
        """All finished cells."""
        return [cell for by_seed in self._cells.values() for cell in by_seed.values()]

    @property
    def methods(self) -> list[Method]:
        """All methods with a finished cell."""
        return list(self._cells)

    def common_seeds(self, *methods: Method) -> tuple[int, ...]:
        """Return the seeds at which all of these methods have finished, ascending."""
        return tuple(sorted(set.intersection(*(set(self._cells[method]) for method in methods))))

    def has(self, method: Method, seed: int) -> bool:
        """Whether a method has finished at a seed."""
        return seed in self._cells.get(method, {})

    def read(self, methods: Iterable[Method], seeds: tuple[int, ...]) -> dict[Method, Float64Array]:
        """Return the metric of each method, float64 of shape (n_seeds, n_users), for users evaluated at every seed.

        Raises:
            ArtefactError: Ranks are damaged, two methods were tested on different interactions at the same seed, or no
                two users were evaluated at every seed.
        """
        by_method = {method: [self._values(method, seed) for seed in seeds] for method in methods}
        for column, seed in enumerate(seeds):
            self._check_same_split(list(by_method), seed)
            _check_same_users({method: values[column][0] for method, values in by_method.items()}, seed)
        positions = _shared_users([users for users, _ in next(iter(by_method.values()))], seeds)
        return {method: _stacked(values, positions) for method, values in by_method.items()}

    def read_rows(self, methods: Sequence[Method], seeds: tuple[int, ...]) -> Float64Array:
        """Return the metric of one method a seed, float64 of shape (n_seeds, n_users), for the same users as `read`.

        Raises:
            ArtefactError: Ranks are damaged, or no two users were evaluated at every seed.
        """
        values = [self._values(method, seed) for method, seed in zip(methods, seeds, strict=True)]
        return _stacked(values, _shared_users([users for users, _ in values], seeds))

    def _values(self, method: Method, seed: int) -> tuple[IntArray, Float64Array]:
        ranks = self._folder.ranks(self._cells[method][seed])[self.protocol]
        return ranks.users, per_user(ranks, self._metric)

    def _check_same_split(self, methods: list[Method], seed: int) -> None:
        splits = {self._cells[method][seed].split: method for method in methods}
        if len(splits) > 1:
            (one, first), (other, second) = list(splits.items())[:2]
            raise ArtefactError(_different(first, second, seed, f"the splits {one} and {other}"))


def _shared_users(by_seed: list[IntArray], seeds: tuple[int, ...]) -> list[IntArray]:
    """Return for each seed the positions of the users that were evaluated at all of them."""
    kept = reduce(np.intersect1d, by_seed)
    if len(kept) < 2:
        raise ArtefactError(
            f"{len(kept)} users were evaluated at every seed of {seeds}, expected at least 2; compare with more "
            "data, or with a split that tests the same users at every seed"
        )
    return [np.searchsorted(users, kept) for users in by_seed]


def _stacked(values: Sequence[tuple[IntArray, Float64Array]], positions: list[IntArray]) -> Float64Array:
    return np.stack([measured[position] for (_, measured), position in zip(values, positions, strict=True)])


def _check_same_users(users: dict[Method, IntArray], seed: int) -> None:
    (first, expected), *others = users.items()
    for method, found in others:
        if not np.array_equal(found, expected):
            raise ArtefactError(_different(first, method, seed, f"{len(expected)} and {len(found)} users"))


def _different(first: Method, second: Method, seed: int, what: str) -> str:
    return (
        f"{first.label} and {second.label} were tested on different interactions at seed {seed}: {what}; expected the "
        "same; delete the cells of one of them, and the same `llminit compare` command runs them again"
    )


def _check(metric: str, protocol: Protocol, rank_limit: int) -> None:
    if parse_metric(metric)[1] > rank_limit:
        raise ConfigError(f"{metric} looks below rank {rank_limit}, where ranks are not kept; lower its k")
    if protocol not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}; choose one of these")
