"""The validation metric, which rank 0 measures and all ranks hear of, so that all of them stop after the same epoch."""

from collections.abc import Callable

from llminit.arrays import FloatArray
from llminit.distributed.group import Group

Watch = Callable[[FloatArray, FloatArray], float]
"""Takes final user and item embeddings and returns the validation metric."""


class SharedWatch:
    """Measures on rank 0, however long that takes, and gives all ranks the value.

    Args:
        group: The ranks.
        measure: Measures; it is called on rank 0 alone.
    """

    def __init__(self, group: Group, measure: Watch) -> None:
        self.group, self.measure = group, measure

    def __call__(self, users: FloatArray, items: FloatArray) -> float:
        """Return the metric; only rank 0's embeddings play a part."""
        self.group.vitals.doing = "waiting for the evaluation on rank 0"
        return float(self.group.from_first(lambda: self.measure(users, items)))
