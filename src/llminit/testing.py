"""Contracts for parts written elsewhere; each raises AssertionError when a promise is broken."""

import json

import numpy as np

from llminit.arrays import FloatArray
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
        tolerance: How far two encodings of one text may differ; batches of other lengths change the last digits.

    Raises:
        AssertionError: A promise is broken; the message says which.
    """
    _promise(bool(encoder.name), "name is a text")
    identity = encoder.identity()
    _promise(json.loads(json.dumps(identity)) == identity, "identity() survives JSON")
    texts = list(SAMPLE_TEXTS)
    values = _encode(encoder, texts)
    _promise(identity == encoder.identity(), "identity() stays the same after encoding")
    _promise(_close(values, _encode(encoder, texts), tolerance), "the same texts give the same vectors again")
    backwards = _encode(encoder, texts[::-1])[::-1]
    _promise(_close(values, backwards, tolerance), "a vector does not depend on the order of the texts")
    alone = np.concatenate([_encode(encoder, [text]) for text in texts])
    _promise(_close(values, alone, tolerance), "a vector does not depend on the texts beside it")
    twice = _encode(encoder, [texts[0], texts[0]])
    _promise(_close(twice[:1], twice[1:], tolerance), "a text given twice has the same vector twice")
    nothing = np.asarray(encoder.encode([]))
    _promise(nothing.ndim == 2 and not len(nothing), "no texts give an array of shape (0, D)")


def _encode(encoder: Encoder, texts: list[str]) -> FloatArray:
    values = encoder.encode(texts)
    _promise(isinstance(values, np.ndarray) and values.dtype == np.float32, "encode() gives a numpy array of float32")
    _promise(values.ndim == 2 and len(values) == len(texts), "encode() gives one row a text")
    _promise(values.shape[1] > 0, "encode() gives at least one column")
    _promise(bool(np.isfinite(values).all()), "encode() gives finite numbers")
    return values


def _close(left: FloatArray, right: FloatArray, tolerance: float) -> bool:
    return left.shape == right.shape and bool(np.allclose(left, right, rtol=0, atol=tolerance))


def _promise(kept: bool, what: str, part: str = "encoder") -> None:
    if not kept:
        raise AssertionError(f"the {part} breaks its contract: {what}")
