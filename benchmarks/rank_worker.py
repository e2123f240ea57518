"""One rank of benchmarks/distributed.py: the same steps alone and together with the other ranks, on made data."""

import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from lines import serve
from llminit.distributed.batches import Negatives
from llminit.distributed.joining import joined
from llminit.distributed.steps import ShardedSteps
from llminit.distributed.table import ShardedTable
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models.backbones.softmax import Softmax, SoftmaxConfig
from llminit.training.allocator import keep_freed_memory
from llminit.training.optimizer import Adam
from llminit.training.step import steps_of


class Rank:
    """What this rank holds between two commands."""

    def __init__(self) -> None:
        self.stack, self.n_alone = ExitStack(), 0

    def load(self, n_users: int, n_items: int, n_interactions: int, width: int, seed: int = 0) -> dict[str, Any]:
        """Meet the other ranks and make the interactions, users uniform, items as popular as by Zipf's law."""
        keep_freed_memory()  # As `train` does.
        self.group = self.stack.enter_context(joined(timeout=600))
        rng = np.random.default_rng(seed)
        users = rng.integers(0, n_users, n_interactions)
        # The inverse of the cumulated 1 / (rank + 10), close enough to the law for popular items to repeat in a batch.
        ranks = 10 * ((n_items / 10 + 1) ** rng.random(n_interactions) - 1)
        self.triples = np.stack([users, n_users + ranks.astype(np.int64)])
        self.graph = normalized_adjacency(users[:1], self.triples[1, :1] - n_users, n_users, n_items)
        self.whole = _whole(self.graph, width, seed) if self.group.is_first else None
        self.sharded = ShardedTable(self.group, Softmax, SoftmaxConfig(), self.graph, width, self.whole)
        self.optimizers: dict[str, Adam] = {"together": Adam(self.sharded, 1e-3)}
        if self.whole is not None:
            self.optimizers["alone"] = Adam(self.whole, 1e-3)
        self.start = 0
        return {"versions": {"torch": torch.__version__, "numpy": np.__version__}}

    def alone(self, batch: int, steps: int) -> dict[str, Any]:
        """Make steps as one process makes them; the other ranks keep their cores from other work meanwhile."""
        self.n_alone += 1
        done = f"alone/{self.n_alone}"
        if self.whole is None:
            while self.group.store.read(done) is None:
                until = time.perf_counter() + 0.005
                while time.perf_counter() < until:
                    pass
            return {"seconds": 0.0}
        answer = self._timed(steps_of(self.whole, self.optimizers["alone"], batch), batch * steps)
        self.group.store.set(done, "")
        return answer

    def together(self, batch: int, steps: int, negatives: Negatives = "rank") -> dict[str, Any]:
        """Make steps with the other ranks, a batch of each."""
        whole_batch = batch * self.group.size
        run = ShardedSteps(self.sharded, self.optimizers["together"], whole_batch, negatives).run
        # The memory of the steps is made, and its pages mapped, by the first one.
        run(self.triples[:, -whole_batch:])
        sent, rounds = self.group.traffic.sent, self.group.traffic.rounds
        answer = self._timed(run, whole_batch * steps)
        traffic = self.group.traffic
        return answer | {"sent": (traffic.sent - sent) / steps, "rounds": (traffic.rounds - rounds) / steps}

    def _timed(self, run: Any, n: int) -> dict[str, Any]:
        if self.start + n > self.triples.shape[1]:
            self.start = 0
        part = self.triples[:, self.start : self.start + n]
        self.start += n
        started = time.perf_counter()
        loss = run(part)
        return {"seconds": time.perf_counter() - started, "interactions": n, "loss": loss}


def _whole(graph: Adjacency, width: int, seed: int) -> Softmax:
    rng = np.random.default_rng(seed)
    users, items = (
        rng.standard_normal((n, width), dtype=np.float32) * np.float32(0.1) for n in (graph.n_users, graph.n_items)
    )
    return Softmax(users, items, graph, SoftmaxConfig())


if __name__ == "__main__":
    rank = Rank()
    serve({"load": rank.load, "alone": rank.alone, "together": rank.together})
