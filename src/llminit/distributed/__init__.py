"""Training one model over several processes and machines, by torch.distributed."""

from llminit.distributed.agreement import check_agreement
from llminit.distributed.batches import Negatives
from llminit.distributed.checkpoint import adopted, sharded_folder
from llminit.distributed.group import Group
from llminit.distributed.job import Ranks, follow, release, train_over_ranks
from llminit.distributed.joining import DEFAULT_TIMEOUT, joined
from llminit.distributed.kinds import check_kind, distributed_names, layout_for

__all__ = [
    "DEFAULT_TIMEOUT",
    "Group",
    "Negatives",
    "Ranks",
    "adopted",
    "check_agreement",
    "check_kind",
    "distributed_names",
    "follow",
    "joined",
    "layout_for",
    "release",
    "sharded_folder",
    "train_over_ranks",
]
