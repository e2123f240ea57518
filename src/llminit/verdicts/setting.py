"""Settings: only within one are methods compared; and the one setting that everything is said of first."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from llminit.results.key import FULL, Method


@dataclass(frozen=True)
class Setting:
    """What methods that are compared with each other have in common.

    Attributes:
        embedding_size: Dimensions of the embeddings.
        train_share: The share of the training interactions that was kept.
        max_history: The most training interactions that a user kept; None: all.
    """

    embedding_size: int | None
    train_share: float
    max_history: int | None

    @classmethod
    def of(cls, method: Method) -> "Setting":
        """Return a method's setting; a baseline has no embedding size."""
        return cls(method.embedding_size, method.train_share, method.max_history)

    def holds(self, method: Method) -> bool:
        """Whether a method belongs here: baselines, which have no size, and text at full width with its own do too."""
        same_data = (method.train_share, method.max_history) == (self.train_share, self.max_history)
        return same_data and (method.embedding_size in (self.embedding_size, None) or method.selector == FULL)


def main_setting(keys: Iterable[Method]) -> Setting:
    """Return the main setting: all training data if any cell has them, and the most common embedding size.

    Args:
        keys: The finished cells' keys, at least one; a method that occurs more often counts more.
    """
    every = list(keys)
    trained = [key for key in every if key.kind == "backbone"] or every
    whole = [key for key in trained if key.train_share == 1 and key.max_history is None] or trained
    counts = Counter(Setting.of(key) for key in [key for key in whole if key.selector != FULL] or whole)
    return max(counts, key=lambda setting: (counts[setting], setting.embedding_size or 0))
