"""Whether all ranks were started with the same: llminit, options and data; seen before any work."""

from collections.abc import Mapping
from typing import Any

from llminit.distributed.group import Group
from llminit.errors import RanksError


def check_agreement(group: Group, facts: Mapping[str, Any]) -> None:
    """Compare what each rank was started with.

    Args:
        group: The ranks.
        facts: What must be the same on all, by a name for people; a None is of a rank that does not know, and may.

    Raises:
        RanksError: Ranks differ; the message, the same on all, says in what, and which rank has what.
    """
    of_ranks = group.from_all(dict(facts))
    names = {name: None for of_rank in of_ranks for name in of_rank}
    differing = [described for name in names if (described := _difference(name, [rank.get(name) for rank in of_ranks]))]
    if differing:
        raise RanksError(
            f"the ranks disagree: {'; '.join(differing)}. Expected the same on all {group.size} ranks; give every rank "
            "the same files, options and version"
        )


def _difference(name: str, values: list[Any]) -> str:
    ranks: dict[str, list[str]] = {}
    for rank, value in enumerate(values):
        if value is not None:
            ranks.setdefault(str(value), []).append(str(rank))
    if len(ranks) < 2:
        return ""
    parts = [f"{value} on rank{'s' * (len(of) > 1)} {', '.join(of)}" for value, of in ranks.items()]
    return f"{name} is {', but '.join(parts)}"
