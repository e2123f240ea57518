"""The ranks of one job: processes that train one model together, on one machine or on many.

torch.distributed moves the tensors: gloo on the CPU, NCCL between GPUs. Small values go through the store at which the
ranks meet, where a rank may wait for as long as another one works.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from llminit.arrays import AnyArray
from llminit.distributed.store import GuardedStore
from llminit.distributed.vitals import SILENT_SECONDS, Vitals

_LONGEST_NAP = 0.1


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
        self.rank, self.size, self.store = rank, size, GuardedStore(store, silent_seconds)
        self.device = torch.device("cpu") if device is None else device
        self.traffic = Traffic()
        self.vitals = Vitals(self.store, rank, size, silent_seconds)
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
            while (value := self.store.read(key)) is None:
                time.sleep(nap)
                nap = min(2 * nap, _LONGEST_NAP)
                if time.monotonic() - checked > 1:
                    self.vitals.check(rank)
                    checked = time.monotonic()
            return value

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
