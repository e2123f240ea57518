"""The store at which the ranks meet, asked from a thread of its own, so that no rank waits for ever for its answer.

A store whose machine is cut off neither answers nor fails: its client waits in the system for a quarter of an hour, and
nothing can interrupt it there.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any


class GuardedStore:
    """Text by key, on all ranks.

    Args:
        store: A store of torch.distributed.
        seconds: How long an answer may take.
    """

    def __init__(self, store: Any, seconds: float) -> None:
        self._store, self._seconds, self._is_silent = store, seconds, False
        self._asked: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._answer, name="store", daemon=True).start()

    def set(self, key: str, value: str) -> None:
        """Set a key.

        Raises:
            RuntimeError: The store does not answer.
        """
        self._ask(lambda: self._store.set(key, value))

    def read(self, key: str) -> str | None:
        """Return the value of a key, or None where there is none.

        Raises:
            RuntimeError: The store does not answer.
        """
        # Without the look, reading a key that is not there waits for it.
        value: str | None = self._ask(lambda: self._store.get(key).decode() if self._store.check([key]) else None)
        return value

    def _ask(self, work: Callable[[], Any]) -> Any:
        if self._is_silent:
            raise RuntimeError("the store has not answered before")
        answer: Future[Any] = Future()
        self._asked.put((answer, work))
        try:
            return answer.result(self._seconds)
        except TimeoutError as error:
            self._is_silent = True
            raise RuntimeError(f"the store did not answer within {self._seconds:g} s") from error

    def _answer(self) -> None:
        while True:
            answer, work = self._asked.get()
            try:
                answer.set_result(work())
            except RuntimeError as error:
                answer.set_exception(error)
