"""The ranks of one job: processes that train one model together, on one machine or on many.

torch.distributed moves the tensors: gloo on the CPU, NCCL between GPUs. Small values go through the store at which the
ranks meet, where a rank may wait for as long as another one works.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from llminit.arrays import AnyArray
from llminit.distributed.vitals import SILENT_SECONDS, Vitals
from llminit.errors import RanksError
from llminit.training import checked_device

DEFAULT_TIMEOUT = 300.0

_LONGEST_NAP = 0.1

_FAREWELL_SECONDS = 2.0


@dataclass
class Traffic:
    """What a rank has sent.

    Attributes:
        sent: Bytes sent to other ranks.
        rounds: Exchanges in which all ranks took part.
    """

    sent: int = 0
    rounds: int = 0


class Group:
    """All ranks, as one of them sees them.

    Every method is called by all ranks, in the same order.

    Args:
        rank: This process's rank.
        size: Number of ranks.
        store: The store of torch.distributed at which they meet.
        device: Where the exchanged tensors are.
        silent_seconds: When a rank without a sign of life counts as gone, where nothing else tells.
    """

    def __init__(
        self,
        rank: int,
        size: int,
        store: Any,
        device: torch.device | None = None,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self.rank, self.size, self.store = rank, size, store
        self.device = torch.device("cpu") if device is None else device
        self.traffic = Traffic()
        self.vitals = Vitals(store, rank, size, silent_seconds)
        self._n_shared = 0

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which reads, measures, prints and saves."""
        return self.rank == 0

    def exchange(self, sent: torch.Tensor, n_sent: Sequence[int], n_received: Sequence[int]) -> torch.Tensor:
        """Send a run of rows to every rank and return the rows that come from them, by rank.

        Args:
            sent: Shape (sum of n_sent, ...), the rows for rank 0, then those for rank 1, ...
            n_sent: Rows for each rank.
            n_received: Rows from each rank.
        """
        received = sent.new_empty((sum(n_received), *sent.shape[1:]))
        with self._watched():
            if sent.device.type == "cpu":
                self._exchange_in_pairs(received, sent, n_sent, n_received)
            else:
                dist.all_to_all_single(received, sent, list(n_received), list(n_sent))
        row_bytes = sent[:1].nbytes
        self.traffic.sent += row_bytes * (len(sent) - n_sent[self.rank])
        self.traffic.rounds += 1
        return received

    def _exchange_in_pairs(
        self, received: torch.Tensor, sent: torch.Tensor, n_sent: Sequence[int], n_received: Sequence[int]
    ) -> None:
        """Do what `all_to_all_single` does; gloo's own hands it to one thread more, for which a busy core waits."""
        outgoing, incoming = torch.split(sent, list(n_sent)), torch.split(received, list(n_received))
        works: list[Any] = []
        # Each rank begins with the one after it, so that no rank is everybody's first.
        for distance in range(1, self.size):
            source, target = (self.rank - distance) % self.size, (self.rank + distance) % self.size
            if n_received[source]:
                works.append(dist.irecv(incoming[source], source))
            if n_sent[target]:
                works.append(dist.isend(outgoing[target], target))
        incoming[self.rank].copy_(outgoing[self.rank])
        for work in works:
            work.wait()

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add a tensor up over all ranks, in place, and return it."""
        with self._watched():
            dist.all_reduce(tensor)
        # A ring sends each part once to be added and once to be shared.
        self.traffic.sent += 2 * tensor.nbytes * (self.size - 1) // self.size
        self.traffic.rounds += 1
        return tensor

    def send(self, tensor: torch.Tensor, rank: int) -> None:
        """Send a tensor to another rank, which calls `receive`; no other rank takes part."""
        with self._watched():
            dist.send(tensor.contiguous(), rank)
        self.traffic.sent += tensor.nbytes

    def receive(self, tensor: torch.Tensor, rank: int) -> torch.Tensor:
        """Fill a contiguous tensor with what another rank sends, and return it."""
        with self._watched():
            dist.recv(tensor, rank)
        return tensor

    def array_from_first(self, array: AnyArray | None) -> AnyArray:
        """Give all ranks rank 0's array.

        Args:
            array: The array on rank 0; None on the others.
        """
        form = self.from_first(lambda: [str(array.dtype), list(array.shape)] if array is not None else None)
        tensor = torch.empty(form[1], dtype=getattr(torch, form[0]))
        if array is not None:
            tensor = torch.from_numpy(np.ascontiguousarray(array))
        tensor = tensor.to(self.device)
        with self._watched():
            dist.broadcast(tensor, 0)
        return array if array is not None else tensor.cpu().numpy()

    def from_first(self, make: Callable[[], Any]) -> Any:
        """Give all ranks a JSON value that rank 0 makes, however long that takes it.

        Args:
            make: Called on rank 0 alone.

        Raises:
            RanksError: Rank 0 is gone.
        """
        self._n_shared += 1
        key = f"shared/{self._n_shared}"
        if self.is_first:
            value = make()
            self._set(key, json.dumps(value))
            return value
        return json.loads(self._awaited(key, 0))

    def from_all(self, value: Any) -> list[Any]:
        """Return the JSON values of all ranks, by rank; each waits for the slowest."""
        self._n_shared += 1
        self._set(f"all/{self._n_shared}/{self.rank}", json.dumps(value))
        return [json.loads(self._awaited(f"all/{self._n_shared}/{rank}", rank)) for rank in range(self.size)]

    def _set(self, key: str, value: str) -> None:
        with self._watched():
            self.store.set(key, value)

    def _awaited(self, key: str, rank: int) -> str:
        nap, checked = 0.0005, time.monotonic()
        with self._watched():
            # Waiting in the store would keep this rank's own signs of life from it.
            while not self.store.check([key]):
                time.sleep(nap)
                nap = min(2 * nap, _LONGEST_NAP)
                if time.monotonic() - checked > 1:
                    self.vitals.check(rank)
                    checked = time.monotonic()
            return str(self.store.get(key).decode())

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise self.vitals.lost(error) from error


class Alone:
    """One process, for what needs to know of ranks and not to meet them."""

    rank, size, is_first = 0, 1, True

    def __init__(self) -> None:
        self.vitals = _NoVitals()

    def from_first(self, make: Callable[[], Any]) -> Any:
        """Return what is made; see `Group`."""
        return make()

    def from_all(self, value: Any) -> list[Any]:
        """Return the one value; see `Group`."""
        return [value]


@dataclass
class _NoVitals:
    doing: str = ""


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
