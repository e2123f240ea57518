"""The encoder of a server: opened when the first text comes, one text at a time, and the last texts are remembered."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np

from llminit.arrays import FloatArray
from llminit.recommender.text_recipe import TextRecipe
from llminit.serving.changes import recipe_of

_KEPT_TEXTS = 1024


class Encoder(Protocol):
    """Turns texts into text embeddings, as `llminit.text.Encoder` does."""

    @property
    def name(self) -> str:
        """Name for people."""

    def identity(self) -> dict[str, Any]:
        """Return what changes the vectors."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D)."""


OpenEncoder = Callable[[TextRecipe], Encoder | None]
"""Opens the encoder of a recommender; None where the recommender is to open its own, and to say why it cannot."""


class SharedEncoder:
    """An encoder that several threads use.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._lock = encoder, Lock()
        self._kept: OrderedDict[str, FloatArray] = OrderedDict()

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self._encoder.name

    def identity(self) -> dict[str, Any]:
        """Return the encoder's identity."""
        return dict(self._encoder.identity())

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D)."""
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._kept]
            vectors = dict(zip(new, self._encoder.encode(new), strict=True)) if new else {}
            vectors |= {text: self._kept[text] for text in texts if text in self._kept}
            self._kept.update((text, np.array(vectors[text])) for text in new)
            while len(self._kept) > _KEPT_TEXTS:
                self._kept.popitem(last=False)
            return np.stack([vectors[text] for text in texts])


class Encoders:
    """Opens the encoder of a recommender once.

    Args:
        open_encoder: Opens it; None leaves it to the recommender, which then opens it for every text.
    """

    def __init__(self, open_encoder: OpenEncoder | None) -> None:
        self._open, self._lock = open_encoder, Lock()
        self._opened: tuple[str, SharedEncoder | None] | None = None

    def of(self, text: TextRecipe | None) -> SharedEncoder | None:
        """Return the encoder of a recommender's texts, or None where there is none to open.

        Raises:
            MissingExtraError: It is not installed.
            ConfigError: It cannot be opened.
        """
        if text is None or self._open is None:
            return None
        with self._lock:
            recipe = recipe_of(text)
            if self._opened is None or self._opened[0] != recipe:
                encoder = self._open(text)
                self._opened = (recipe, None if encoder is None else SharedEncoder(encoder))
            return self._opened[1]
