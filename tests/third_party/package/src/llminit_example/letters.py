"""An encoder that needs no model: how often each pair of letters stands in a text."""

import zlib
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from llminit.arrays import FloatArray
from llminit.config import Config


class LetterOptions(Config):
    """The options of `letters`."""

    width: int = Field(default=64, ge=1)
    """Dimensions of the vectors."""


class LetterEncoder:
    """Counts pairs of letters, each pair at one of `width` places."""

    def __init__(self, options: LetterOptions) -> None:
        self.name = "letters"
        self._width = options.width

    def identity(self) -> dict[str, str | int | float | bool]:
        """Return the name and the width."""
        return {"encoder": self.name, "width": self._width}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), width)."""
        rows = np.zeros((len(texts), self._width), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for first, second in zip(f" {text}", f"{text} ", strict=True):
                row[zlib.crc32(f"{first}{second}".lower().encode()) % self._width] += 1
        return rows
