"""The process that drives Ray: shards by their files to a pool of actors, and what becomes of them to its parent.

    python -m llminit.text.engines.ray_driver '{"folder": ..., "orders": ..., "opening": ..., ...}'

When its input closes, as it does when the parent ends for any reason, the process ends at once.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from llminit.text.engines.ray_actor import ShardActor
from llminit.worker_processes import ParentReporter, lines_from_parent

OBJECT_STORE_BYTES = 200 * 2**20
"""Of a cluster that is started here; what travels through it are paths."""
ANSWER_BYTES = 2**20
MAX_BLOCKS = 1000
CONNECT_SECONDS = 20.0


def main() -> None:
    """Send every order through the actors, and each outcome to the parent."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    reporter = ParentReporter()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines = lines_from_parent()
    # Ray sends statistics of its use to its makers unless it is told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        _connect(options["cores"])
        reporter.send("ready")
        for answer in _dataset(options).iter_rows():
            reporter.send(answer["kind"], answer["text"])
    except Exception as error:  # noqa: BLE001 - the parent ends the run, and says why
        reporter.send("gone", f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}")
    lines.get()
    import ray

    ray.shutdown()


def _connect(cores: int) -> None:
    """Connect to the cluster that RAY_ADDRESS names or that runs here; start one on this machine if there is none."""
    import ray

    _check_address(os.environ.get("RAY_ADDRESS", ""))
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:
        if os.environ.get("RAY_ADDRESS"):
            raise
        ray.init(
            address="local",
            num_cpus=cores,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            **quiet,
        )


def _check_address(address: str) -> None:
    """Check that somebody listens at an address, for which Ray itself would wait for many minutes.

    Raises:
        OSError: Nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _dataset(options: dict[str, Any]) -> Any:
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    # A task waits until the object store has room for what it may answer: here a few lines.
    context.target_max_block_size = ANSWER_BYTES
    paths = sorted(str(path) for path in Path(options["orders"]).glob("*.json"))
    on_gpu = str(options["opening"]["options"].get("device") or "").startswith("cuda")
    free = ray.cluster_resources().get("GPU" if on_gpu else "CPU", 1)
    workers = min(options["workers"] or max(1, int(free)), len(paths))
    blocks = min(len(paths), max(MAX_BLOCKS, workers))
    orders = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=blocks)
    return orders.map_batches(
        ShardActor,
        fn_constructor_args=(options["folder"], options["opening"]),
        batch_size=1,
        compute=ActorPoolStrategy(size=workers),
        **({"num_gpus": 1} if on_gpu else {"num_cpus": 1}),
    )


if __name__ == "__main__":
    main()
