"""Helpers for tests of the command line: its runs, and an encoder that needs no model."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llminit.arrays import FloatArray
from llminit.text.encoder import Identity


@dataclass(frozen=True)
class Ran:
    """The result of a run of the command line."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout, and nothing else."""
        return json.loads(self.stdout)


Run = Callable[..., Ran]


class HashEncoder:
    """Makes a vector out of a text's length and first letters, and counts the texts."""

    name = "hash"

    def __init__(self) -> None:
        self.n_encoded = 0

    def identity(self) -> Identity:
        return {"encoder": "hash"}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.n_encoded += len(texts)
        seeds = [list(text.encode()) for text in texts]
        return np.array([np.random.default_rng(seed).normal(size=16) for seed in seeds], dtype=np.float32)
