"""Tables that do not fit in memory: prepared on disk, then read as the same data set."""

from llminit.data.out_of_core.folder import PreparedInteractions, Shard, is_prepared, open_prepared
from llminit.data.out_of_core.prepare import prepare_interactions

__all__ = ["PreparedInteractions", "Shard", "is_prepared", "open_prepared", "prepare_interactions"]
