"""Ranks that are threads of the test's own process, for what exchanges small values alone."""

import threading
from collections.abc import Callable
from typing import Any


class Threads:
    """As many ranks."""

    def __init__(self, size: int) -> None:
        self.size, self._barrier, self._values = size, threading.Barrier(size, timeout=20), [None] * size

    def run(self, work: Callable[[Any], Any]) -> list[Any]:
        results: list[Any] = [None] * self.size
        errors: list[BaseException] = []

        def one(rank: int) -> None:
            try:
                results[rank] = work(_Rank(self, rank))
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        threads = [threading.Thread(target=one, args=[rank]) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return results

    def exchanged(self, rank: int, value: Any) -> list[Any]:
        self._values[rank] = value
        self._barrier.wait()
        values = list(self._values)
        self._barrier.wait()
        return values


class _Rank:
    def __init__(self, threads: Threads, rank: int) -> None:
        self.threads, self.rank, self.size, self.is_first = threads, rank, threads.size, rank == 0
        self.vitals = type("Vitals", (), {"doing": ""})()

    def from_first(self, make: Callable[[], Any]) -> Any:
        return self.threads.exchanged(self.rank, make() if self.is_first else None)[0]

    def from_all(self, value: Any) -> list[Any]:
        return self.threads.exchanged(self.rank, value)
