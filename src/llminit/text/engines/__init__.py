"""What runs the work of encoding: this process, worker processes beside it, or a Ray cluster.

Every engine takes orders and makes parts of them by `llminit.text.shard.encode_shard`; none decides what a shard is.
"""

from llminit.text.engines.engine import HERE, Engine, run_orders

__all__ = ["HERE", "Engine", "run_orders"]
