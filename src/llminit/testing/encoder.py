"""The contract of an encoder."""

import json

import numpy as np

from llminit.arrays import FloatArray
from llminit.testing.promise import close, promise
from llminit.text.encoder import Encoder

SAMPLE_TEXTS = (
    "The Left Hand of Darkness. Ursula K. Le Guin",
    "tea",
    "Café crème, 250 g (naïve façade) 日本語 🙂",
    "A much longer text that goes on about shampoo, conditioner, hair and everything else that one can buy. " * 8,
    "Toy train | Wood | Ages 3+",
)


def check_encoder(encoder: Encoder, tolerance: float = 1e-4) -> None:
    """Check that an object keeps the promises of `llminit.text.encoder.Encoder`.

    Args:
        encoder: Any encoder; it is called a few times with short texts.
        tolerance: Largest difference of two encodings of one text; the batch size changes the last digits.

    Raises:
        AssertionError: A promise is broken; the message says which.
    """
    promise(bool(encoder.name), "name is a non-empty string", "encoder")
    identity = encoder.identity()
    promise(json.loads(json.dumps(identity)) == identity, "identity() survives JSON", "encoder")
    texts = list(SAMPLE_TEXTS)
    values = _encode(encoder, texts)
    promise(identity == encoder.identity(), "identity() stays the same after encoding", "encoder")
    promise(close(values, _encode(encoder, texts), tolerance), "the same texts get the same vectors again", "encoder")
    backwards = _encode(encoder, texts[::-1])[::-1]
    promise(close(values, backwards, tolerance), "a vector does not depend on the order of the texts", "encoder")
    alone = np.concatenate([_encode(encoder, [text]) for text in texts])
    promise(close(values, alone, tolerance), "a vector does not depend on the texts beside it", "encoder")
    twice = _encode(encoder, [texts[0], texts[0]])
    promise(close(twice[:1], twice[1:], tolerance), "a text given twice has the same vector twice", "encoder")
    nothing = np.asarray(encoder.encode([]))
    promise(nothing.ndim == 2 and not len(nothing), "no texts give an array of shape (0, D)", "encoder")


def _encode(encoder: Encoder, texts: list[str]) -> FloatArray:
    values = encoder.encode(texts)
    promise(
        isinstance(values, np.ndarray) and values.dtype == np.float32,
        "encode() returns a numpy array of float32",
        "encoder",
    )
    promise(values.ndim == 2 and len(values) == len(texts), "encode() returns one row a text", "encoder")
    promise(values.shape[1] > 0, "encode() returns at least one column", "encoder")
    promise(bool(np.isfinite(values).all()), "encode() returns finite numbers", "encoder")
    return values
