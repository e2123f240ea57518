"""How the ranks of one job meet, and how they part."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from llminit.distributed.group import Group
from llminit.distributed.vitals import SILENT_SECONDS
from llminit.errors import RanksError
from llminit.training import checked_device

DEFAULT_TIMEOUT = 300.0

_FAREWELL_SECONDS = 2.0


@contextmanager
def joined(
    device: str = "cpu", timeout: float = DEFAULT_TIMEOUT, silent_seconds: float = SILENT_SECONDS
) -> Iterator[Group]:
    """Join the other ranks, as the environment that torchrun sets names them, and leave them at the end.

    A process group that is there already, as in a worker of Ray Train, is used and left open.

    Args:
        device: cpu or cuda; of several GPUs, each rank of a machine takes the one of its number there.
        timeout: Seconds after which a rank that does not take part counts as gone.
        silent_seconds: The same, for a rank that is waited for without an exchange.

    Raises:
        RanksError: A rank does not come, or is gone.
    """
    is_own = not dist.is_initialized()
    placed = _placed(device)
    store = _met(timeout, placed) if is_own else _own_store(timeout)
    group = Group(dist.get_rank(), dist.get_world_size(), store, placed, min(timeout, silent_seconds))
    error: BaseException | None = None
    try:
        group.from_all("here")
        yield group
        # The store is with rank 0 or its launcher: nobody leaves while another one still reads.
        group.vitals.doing = "ending"
        group.from_all("done")
    except BaseException as raised:
        error = raised
        raise
    finally:
        group.vitals.stop(error)
        if error is not None and group.is_first:
            # Where this process holds the store, the others read the reason there before it goes.
            time.sleep(_FAREWELL_SECONDS)
        if is_own and error is None:
            dist.destroy_process_group()


def _placed(device: str) -> torch.device:
    chosen = checked_device(device)
    if chosen.type == "cuda":
        index = chosen.index if chosen.index is not None else _local_rank() % torch.cuda.device_count()
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    return chosen


def _local_rank() -> int:
    return dist.get_node_local_rank(fallback_rank=0)


def _met(timeout: float, device: torch.device) -> Any:
    """Meet the other ranks and return the store at which they met."""
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]
    from torch.distributed.rendezvous import rendezvous

    limit = timedelta(seconds=timeout)
    # Small tensors travel through gloo on GPU machines too.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        store, rank, size = next(iter(rendezvous("env://", timeout=limit)))
        store.set_timeout(limit)
        dist.init_process_group(backend, store=PrefixStore("torch", store), rank=rank, world_size=size, timeout=limit)
    except (RuntimeError, ValueError) as error:
        raise RanksError(
            f"the ranks did not meet within {timeout:g} s ({str(error).splitlines()[0]}), expected all that the "
            "launcher names; see whether one of them failed, and whether MASTER_ADDR and MASTER_PORT can be reached "
            "from every machine"
        ) from error
    return PrefixStore("llminit", store)


def _own_store(timeout: float) -> Any:
    """Open a store beside a process group that somebody else made; rank 0 holds it."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    limit, rank = timedelta(seconds=timeout), dist.get_rank()
    # By what the launcher says, the others reach rank 0 there.
    own = TCPStore("0.0.0.0", 0, None, is_master=True, timeout=limit, wait_for_workers=False) if not rank else None
    where = [None if own is None else (os.environ.get("MASTER_ADDR") or socket.gethostname(), own.port)]
    dist.broadcast_object_list(where)
    if own is not None:
        return own
    if where[0] is None:
        raise RanksError("rank 0 named no address, expected one of its store; run the same command again")
    return TCPStore(*where[0], None, is_master=False, timeout=limit)
