"""Where and how a training over ranks runs."""

from typing import NamedTuple

from llminit.distributed.batches import Negatives
from llminit.distributed.group import Group


class Ranks(NamedTuple):
    """Where and how a training over ranks runs.

    Attributes:
        group: The ranks.
        negatives: What a pair's item is compared with by the softmax: the items of its rank's part of the batch
            (`rank`), or of the whole batch (`shared`).
    """

    group: Group
    negatives: Negatives = "rank"
