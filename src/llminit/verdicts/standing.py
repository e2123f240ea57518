"""Means that can be set side by side: over the seeds that all of them have."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from llminit.statistics.two_way import FEWEST_SEEDS

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Standing(Generic[Key]):
    """How methods stand to each other.

    Attributes:
        means: Of each method that is compared, over `seeds`.
        seeds: The seeds that all of them have, ascending.
    """

    means: Mapping[Key, float]
    seeds: tuple[int, ...]

    @property
    def best(self) -> Key | None:
        """The method with the highest mean; None where there is none."""
        return max(self.means, key=lambda each: self.means[each]) if self.means else None


def standing_of(values: Mapping[Key, Mapping[int, float]]) -> Standing[Key]:
    """Average each method over the seeds that all have, because one split of the data is easier than another.

    Methods with fewer than three seeds are left out where others have as many, and methods that share no seed with the
    one that has most.

    Args:
        values: By method, one value a seed.
    """
    enough = min(FEWEST_SEEDS, max(map(len, values.values()), default=0))
    kept = {each: own for each, own in values.items() if own and len(own) >= enough}
    if not kept:
        return Standing({}, ())
    shared = set.intersection(*(set(own) for own in kept.values()))
    if not shared:
        shared = max((set(own) for own in kept.values()), key=len)
        kept = {each: own for each, own in kept.items() if shared <= own.keys()}
    seeds = tuple(sorted(shared))
    return Standing({each: sum(own[seed] for seed in seeds) / len(seeds) for each, own in kept.items()}, seeds)
