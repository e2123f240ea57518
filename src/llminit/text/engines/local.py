"""The engine of worker processes on this machine."""

import json
import queue
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from llminit.errors import EmbeddingError, LLMInitError
from llminit.text.cache import CacheSection
from llminit.text.engines.opening import Opening
from llminit.text.shard import Order, Outcome, another_width
from llminit.worker_processes import Messages, WorkerProcess

KEPT = "what is encoded so far is kept: the same command goes on from there"


def run_in_processes(
    orders: Iterator[Order], workers: int, threads: int, opening: Opening, section: CacheSection
) -> Iterator[Outcome]:
    """Encode shards in worker processes, which end when the iteration is left for whatever reason.

    Args:
        orders: The shards; they are taken as the workers need them.
        workers: How many processes.
        threads: CPU threads of each.
        opening: How a worker opens the encoder.
        section: Where the parts go.

    Raises:
        EmbeddingError: A worker cannot open the encoder, or gets vectors from it that cannot be used.
        LLMInitError: A worker has died.
    """
    messages: Messages = queue.Queue()
    width: int | None = None
    with tempfile.TemporaryDirectory(prefix="llminit-encode-") as logs:
        pool = [_Worker(Path(logs) / f"{number}.log", threads, opening, section, messages) for number in range(workers)]
        try:
            working = set(pool)
            while working:
                worker, message = messages.get()
                if message is None:
                    raise LLMInitError(f"{worker.process.death(had_started=worker.is_ready)}; {KEPT}")
                if message["kind"] == "failed":
                    raise EmbeddingError(message["text"])
                if message["kind"] == "ready":
                    worker.is_ready = True
                elif message["kind"] == "outcome":
                    outcome = Outcome(**json.loads(message["text"]))
                    if None not in (width, outcome.width) and width != outcome.width:
                        raise another_width(opening["spec"], outcome.width or 0, width or 0)
                    width = width or outcome.width
                    yield outcome
                else:
                    continue
                if not worker.give(next(orders, None)):
                    working.discard(worker)
        finally:
            for worker in pool:
                worker.process.end()


class _Worker:
    """A worker process, and whether it has said that it is ready."""

    def __init__(self, log: Path, threads: int, opening: Opening, section: CacheSection, messages: Messages) -> None:
        self.is_ready = False
        options = {"folder": str(section.folder.absolute()), "opening": opening, "threads": threads}
        self.process = WorkerProcess(
            "llminit.text.engines.worker",
            options,
            log,
            threads,
            messages,
            self,
            finds_ours=opening["source"] is not None,
        )

    def give(self, order: Order | None) -> bool:
        """Send an order, one at a time so that no worker waits while another has two; return whether there was one."""
        if order is not None:
            self.process.send(asdict(order))
        return order is not None
