"""An encoder that any process can open: as quick as one asks, and its vectors depend on the texts beside them.

Real models do the same in the last bits: how far a batch is padded changes them. So equal vectors mean equal shards.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.text.encoder import ENCODERS, Identity


class StubOptions(Config):
    """What the encoder does."""

    width: int = 6
    """Columns."""
    seconds: float = 0.0
    """How long a text takes."""
    log: str = ""
    """A file that gets a line for each text: the process that encodes it, a space and the text."""
    is_same_everywhere: bool = True
    """Whether every process opens the same encoder."""


class StubEncoder:
    """Makes a vector of a text's hash and of the texts that are encoded in the same call."""

    name = "stub"

    def __init__(self, options: StubOptions) -> None:
        self._options = options

    @property
    def options(self) -> dict[str, str | int | float | bool]:
        return self._options.model_dump(exclude_defaults=True)

    def identity(self) -> Identity:
        here: Identity = {} if self._options.is_same_everywhere else {"process": os.getpid()}
        return {"encoder": self.name, "width": self._options.width, **here}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if self._options.log:
            with Path(self._options.log).open("a", encoding="utf-8") as log:
                log.write("".join(f"{os.getpid()} {text}\n" for text in texts))
        time.sleep(self._options.seconds * len(texts))
        beside = _number("\n".join(texts))
        return np.array(
            [np.random.default_rng([_number(text), beside]).normal(size=self._options.width) for text in texts],
            dtype=np.float32,
        )


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def logged(log: Path) -> list[tuple[int, str]]:
    """Return who encoded what, in order."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [(int(pid), text) for pid, text in (line.split(" ", 1) for line in lines if " " in line)]


def open_stub(options: StubOptions) -> StubEncoder:
    """Open the stub."""
    return StubEncoder(options)


def register() -> None:
    """Let this process open the stub by its name; worker processes find it by its module."""
    ENCODERS.register(open_stub, name="stub")
