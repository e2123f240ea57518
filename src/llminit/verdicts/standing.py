"""Means that can be set side by side: over the seeds that all of them have."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from llminit.statistics.two_way import MIN_SEEDS

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
        return max(self.means, key=lambda label: self.means[label]) if self.means else None


def standing_of(values: Mapping[Key, Mapping[int, float]]) -> Standing[Key]:
    """Average each method over the seeds that all have, because one split of the data is easier than another.

    Methods with fewer than three seeds are left out where others have as many, and methods that share no seed with the
    one that has most.

    Args:
        values: By method, one value a seed.
    """
    enough = min(MIN_SEEDS, max(map(len, values.values()), default=0))
    kept = {label: by_seed for label, by_seed in values.items() if by_seed and len(by_seed) >= enough}
    if not kept:
        return Standing({}, ())
    shared = set.intersection(*(set(by_seed) for by_seed in kept.values()))
    if not shared:
        shared = max((set(by_seed) for by_seed in kept.values()), key=len)
        kept = {label: by_seed for label, by_seed in kept.items() if shared <= by_seed.keys()}
    seeds = tuple(sorted(shared))
    return Standing(
        {label: sum(by_seed[seed] for seed in seeds) / len(seeds) for label, by_seed in kept.items()}, seeds
    )
