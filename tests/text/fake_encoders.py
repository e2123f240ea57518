"""Encoders that need no model: quick, deterministic and recording the texts that they encode."""

import hashlib
from collections.abc import Sequence

import numpy as np

from llminit.arrays import FloatArray


class FakeEncoder:
    """Makes a vector out of a text's SHA-256 and records every text that it encodes."""

    def __init__(self, width: int = 8, name: str = "fake", revision: int = 1) -> None:
        self.name = name
        self.width = width
        self.revision = revision
        self.encoded: list[str] = []

    def identity(self) -> dict[str, str | int | float | bool]:
        return {"encoder": self.name, "revision": self.revision}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.encoded.extend(texts)
        return np.array([vector_of(text, self.width) for text in texts], dtype=np.float32).reshape(-1, self.width)


def vector_of(text: str, width: int = 8) -> FloatArray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).normal(size=width).astype(np.float32)


class Notes:
    """A reporter that keeps its notes and counts its steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.total = 0
        self.done = 0

    def task(self, name: str, total: int, done: int = 0) -> "Notes":
        self.total += total
        self.done += done
        return self

    def __enter__(self) -> "Notes":
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def advance(self, steps: int = 1, status: str = "", seconds_left: float | None = None) -> None:
        self.done += steps

    def note(self, message: str) -> None:
        self.notes.append(message)
