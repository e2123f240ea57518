"""Signs of life of all ranks, so that a rank that waits can say who is gone, and since when, instead of hanging."""

import os
import socket
import threading
import time

from llminit.distributed.store import GuardedStore
from llminit.errors import LLMInitError, RanksError

_BEAT_SECONDS = 1.0
_LOOK_SECONDS = 3.0
"""How long a rank looks for signs of life of the others before it names those that are gone."""

SILENT_SECONDS = 60.0
"""A rank without a sign of life for so long counts as gone, where nothing else tells."""


class Vitals:
    """Beats in a thread of its own, through the store that all ranks share.

    Args:
        store: The store.
        rank: This process's rank.
        size: Number of ranks.
        silent_seconds: When a silent rank counts as gone.
    """

    def __init__(self, store: GuardedStore, rank: int, size: int, silent_seconds: float = SILENT_SECONDS) -> None:
        self.store, self.rank, self.size, self.silent_seconds = store, rank, size, silent_seconds
        self.doing = "starting"
        self._beats, self._stopped = 0, threading.Event()
        self._seen: dict[int, tuple[str, float]] = {}
        store.set(f"who/{rank}", f"rank {rank} (process {os.getpid()} on {socket.gethostname()})")
        self._beat()
        self._thread = threading.Thread(target=self._run, name="signs of life", daemon=True)
        self._thread.start()

    def stop(self, error: BaseException | None = None) -> None:
        """End the signs of life; an error of this rank's own is left for the others to read."""
        self._stopped.set()
        self._thread.join()
        if error is not None and not isinstance(error, RanksError):
            text = str(error) if isinstance(error, LLMInitError) else f"{type(error).__name__}: {error}"
            self._leave(f"failed: {text}")

    def check(self, rank: int) -> None:
        """Check that a rank that is waited for still gives signs of life.

        Raises:
            RanksError: It has failed, or is silent.
        """
        try:
            reason, beat = self._read(f"left/{rank}"), self._read(f"alive/{rank}") or ""
        except RuntimeError as error:
            raise self.lost(error) from error
        if reason is not None:
            raise RanksError(self._message([f"{self._name(rank)} {reason}"]))
        now = time.monotonic()
        if self._seen.get(rank, ("", 0.0))[0] != beat:
            self._seen[rank] = beat, now
        elif now - self._seen[rank][1] > self.silent_seconds:
            raise RanksError(
                self._message([f"{self._name(rank)} is gone (no sign of life for {self.silent_seconds:g} s)"])
            )

    def lost(self, error: Exception) -> RanksError:
        """Return the error of a connection that broke, which names the ranks that are gone."""
        try:
            before = [self._read(f"alive/{rank}") for rank in range(self.size)]
            time.sleep(_LOOK_SECONDS)
            gone = [
                rank for rank in range(self.size) if rank != self.rank and self._read(f"alive/{rank}") == before[rank]
            ]
            reasons = {rank: self._read(f"left/{rank}") for rank in gone}
            # A rank that left because another one was gone is not the cause.
            causes = [f"{self._name(rank)} {reasons[rank] or 'is gone'}" for rank in gone if reasons[rank] != "left"]
            self._leave("left")
        except RuntimeError:
            causes = ["rank 0, or the launcher that the ranks meet at, is gone"]
        return RanksError(self._message(causes or [f"a connection broke or timed out ({_first_line(error)})"]))

    def _message(self, causes: list[str]) -> str:
        return (
            f"{' and '.join(causes)} while rank {self.rank} was {self.doing}, expected all {self.size} ranks until the "
            "end; run the same command again, with any number of ranks: it continues from the last checkpoint"
        )

    def _name(self, rank: int) -> str:
        return self._read(f"who/{rank}") or f"rank {rank}"

    def _read(self, key: str) -> str | None:
        return self.store.read(key)

    def _leave(self, reason: str) -> None:
        try:
            self.store.set(f"left/{self.rank}", reason)
        except RuntimeError:
            return  # Who holds the store is gone, so nobody can read it.

    def _beat(self) -> None:
        self._beats += 1
        self.store.set(f"alive/{self.rank}", str(self._beats))

    def _run(self) -> None:
        while not self._stopped.wait(_BEAT_SECONDS):
            try:
                self._beat()
            except RuntimeError:
                return  # The store is gone; the next exchange says so.


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
