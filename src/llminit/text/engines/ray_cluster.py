"""The engine of a Ray cluster: the same shards through Ray Data.

Ray is driven by a process of its own, because a Ray client ends the process that it is in when its cluster goes away.
What travels through Ray are the paths of files with texts; these, like the cache, are where all machines see them.
"""

import json
import queue
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llminit.errors import EmbeddingError, LLMInitError
from llminit.storage import remove
from llminit.text.cache import CacheSection
from llminit.text.encoder import require_package
from llminit.text.engines.local import KEPT
from llminit.text.engines.opening import Opening
from llminit.text.shard import Order, Outcome
from llminit.worker_processes import Messages, WorkerProcess, n_cores

START_SECONDS = 300.0
"""How long a cluster may take to answer at first."""


def run_on_ray(
    orders: Iterator[Order], n_orders: int, opening: Opening, section: CacheSection, workers: int | None
) -> Iterator[Outcome]:
    """Encode shards by actors of a Ray cluster; Ray itself replaces actors that die.

    Args:
        orders: The shards.
        n_orders: How many they are.
        opening: How an actor opens the encoder.
        section: Where the parts go: a folder that every machine of the cluster sees under the same path.
        workers: How many actors; None takes one a free core, or GPU for an encoder on cuda.

    Raises:
        MissingExtraError: Ray is not installed.
        EmbeddingError: An actor cannot open the encoder, or gets vectors from it that cannot be used.
        LLMInitError: The cluster cannot be reached, or goes away.
    """
    require_package("ray", "the engine ray", "ray")
    folder = Path(tempfile.mkdtemp(prefix=".orders-", dir=section.folder.absolute()))
    try:
        n_files = _write_orders(orders, folder)
        options = {
            "folder": str(section.folder.absolute()),
            "orders": str(folder),
            "opening": opening,
            "workers": None if workers is None else min(workers, n_orders),
            "cores": n_cores(),
        }
        yield from _answers(options, n_files, finds_ours=opening["source"] is not None)
    finally:
        remove(folder)


def _write_orders(orders: Iterator[Order], folder: Path) -> int:
    n_files = 0
    for order in orders:
        (folder / f"{n_files:08d}.json").write_text(json.dumps(asdict(order)), encoding="utf-8")
        n_files += 1
    return n_files


def _answers(options: dict[str, Any], n_orders: int, *, finds_ours: bool) -> Iterator[Outcome]:
    messages: Messages = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="llminit-ray-") as logs:
        driver = WorkerProcess(
            "llminit.text.engines.ray_driver", options, Path(logs) / "log", 1, messages, None, finds_ours=finds_ours
        )
        has_begun, n_left = False, n_orders
        try:
            while n_left:
                message = _next(messages, None if has_begun else START_SECONDS)
                if message is None:
                    raise _gone(driver.death(had_started=True), has_begun=has_begun)
                if message["kind"] == "failed":
                    raise EmbeddingError(message["text"])
                if message["kind"] == "gone":
                    raise _gone(message["text"], has_begun=has_begun)
                has_begun = has_begun or message["kind"] == "ready"
                if message["kind"] == "outcome":
                    n_left -= 1
                    yield Outcome(**json.loads(message["text"]))
            driver.send({"end": True})
            driver.process.wait(60)
        finally:
            driver.end()


def _next(messages: Messages, seconds: float | None) -> dict[str, str] | None:
    try:
        return messages.get(timeout=seconds)[1]
    except queue.Empty:
        return {"kind": "gone", "text": f"it has not answered for {seconds:.0f} s"}


def _gone(reason: str, *, has_begun: bool) -> LLMInitError:
    what = "the Ray cluster went away, or could not go on" if has_begun else "the Ray cluster cannot be used"
    return LLMInitError(f"{what} ({reason}); check it with `ray status`; {KEPT}")
