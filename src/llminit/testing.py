"""Contracts for parts written elsewhere; each raises AssertionError when a promise is broken."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError, InputError
from llminit.selectors import Selection, fit_selector
from llminit.text.encoder import Encoder

if TYPE_CHECKING:  # These import torch, which a check of an encoder does not need.
    from llminit.backbones import Backbone, Batch
    from llminit.graph import Adjacency

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


def check_selector(name: str) -> None:
    """Check that a registered selector keeps the promises of `llminit.selectors`.

    Args:
        name: A key of `SELECTORS`.

    Raises:
        AssertionError: A promise is broken; the message says which.
    """
    part = f"selector {name}"
    rng = np.random.default_rng(7)
    rows = rng.normal(1, 1, size=(80, 24)).astype(np.float32)
    rows[1] = rows[0]
    before, degrees = rows.copy(), rng.integers(0, 9, size=80)
    size = 24 if name == "full" else 5
    selection = _fitted(name, rows, size, degrees)
    values = selection.apply(rows)
    _promise(values.shape == (80, size) and values.dtype == np.float32, "it gives float32 of shape (n, d)", part)
    _promise(bool(np.isfinite(values).all()), "it gives finite numbers", part)
    _promise(np.array_equal(rows, before), "it leaves the text embeddings as they are", part)
    again = _fitted(name, rows, size, degrees).apply(rows)
    _promise(np.array_equal(values, again), "the same seed gives the same embeddings", part)
    _promise(_close(values[:1], values[1:2], 1e-5), "equal text embeddings give equal rows", part)
    _promise(bool(np.ptp(values, axis=0).max() > 0), "different text embeddings give different rows", part)
    _promise(_close(selection.apply(rows[40:45]), values[40:45], 1e-4), "it maps rows that come alone the same", part)
    new = selection.apply(rng.normal(size=(3, 24)).astype(np.float32))
    _promise(new.shape == (3, size) and bool(np.isfinite(new).all()), "it maps new rows", part)
    _promise(_refuses(ConfigError, name, rows, size, degrees, no_such_option=1), "it refuses unknown options", part)
    if name != "full":
        _promise(_refuses(EmbeddingError, name, rows, 25, degrees), "it refuses d > D", part)


def _fitted(name: str, rows: FloatArray, size: int, degrees: IntArray, **options: Any) -> Selection:
    rng = np.random.default_rng(0)
    return fit_selector(name, rows, size, item_degrees=degrees, rng=rng, options=options)


def _refuses(
    expected: type[InputError], name: str, rows: FloatArray, size: int, degrees: IntArray, **options: Any
) -> bool:
    try:
        _fitted(name, rows, size, degrees, **options)
    except expected:
        return True
    return False


def check_backbone(kind: type["Backbone"]) -> None:
    """Check that a backbone keeps the promises of `llminit.backbones.Backbone`.

    Args:
        kind: A subclass of `Backbone`; it is started on a graph of a few nodes with its default options.

    Raises:
        AssertionError: A promise is broken; the message says which.
    """
    part = f"backbone {kind.name}"
    users, items, adjacency = _small_start()
    backbone = kind(users, items, adjacency)
    start = np.concatenate([users, items])
    _promise(np.array_equal(backbone.embeddings.detach().numpy(), start), "it starts from the given embeddings", part)
    _promise(_refuses_options(kind), "it refuses unknown options", part)
    _check_step(kind, part)
    _check_final(kind, part)
    broken = items.copy()
    broken[2, 1] = np.nan
    for wrong in (items[1:], items[:, 1:], broken):
        _promise(_refuses_start(kind, users, wrong), "it refuses embeddings of another shape, and NaN", part)


def _check_step(kind: type["Backbone"], part: str) -> None:
    import torch

    backbone, batch = kind(*_small_start()), _small_batch(kind)
    state = torch.get_rng_state()
    backbone.start_epoch(np.random.default_rng(3))
    loss = backbone.loss(batch)
    _promise(loss.ndim == 0 and bool(torch.isfinite(loss)), "the loss is one finite number", part)
    (gradient,) = torch.autograd.grad(loss, backbone.embeddings)
    _promise(bool(torch.isfinite(gradient).all() and gradient.any()), "the gradient is finite and not zero", part)
    with torch.no_grad():
        backbone.embeddings.sub_(gradient / gradient.norm(), alpha=1e-3)
    _promise(bool(backbone.loss(batch) < loss), "a small step against the gradient lowers the loss", part)
    again = kind(*_small_start())
    again.start_epoch(np.random.default_rng(3))
    _promise(bool(again.loss(batch) == loss), "the same generator gives the same loss", part)
    _promise(torch.equal(state, torch.get_rng_state()), "it leaves torch's global generator alone", part)


def _check_final(kind: type["Backbone"], part: str) -> None:
    backbone = kind(*_small_start())
    users, items = backbone.final_embeddings()
    shapes = (len(users), len(items)) == (5, 6) and users.shape[1] == items.shape[1]
    _promise(shapes and users.dtype == items.dtype == np.float32, "final embeddings are float32, a row a node", part)
    _promise(bool(np.isfinite(users).all() and np.isfinite(items).all()), "final embeddings are finite", part)
    backbone.start_epoch(np.random.default_rng(4))
    after = backbone.final_embeddings()
    _promise(np.array_equal(users, after[0]) and np.array_equal(items, after[1]), "they hold nothing random", part)
    users[:] = 0
    _promise(bool(backbone.final_embeddings()[0].any()), "final embeddings are copies", part)


def _small_start() -> tuple[FloatArray, FloatArray, "Adjacency"]:
    """Return initial embeddings and a graph of 5 users and 6 items; the last of each have no interaction."""
    from llminit.graph import normalized_adjacency

    rng = np.random.default_rng(5)
    users, items = (rng.normal(scale=0.3, size=(n_rows, 4)).astype(np.float32) for n_rows in (5, 6))
    user_codes, item_codes = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3]), np.array([0, 1, 1, 2, 3, 4, 0, 2, 4])
    return users, items, normalized_adjacency(user_codes, item_codes, 5, 6)


def _small_batch(kind: type["Backbone"]) -> "Batch":
    import torch

    from llminit.backbones import Batch

    negatives = [9, 7, 10] if kind.uses_negatives else []
    rows = [torch.tensor(part, dtype=torch.int64) for part in ([0, 0, 2], [5, 6, 8], negatives)]
    return Batch(*rows)


def _refuses_options(kind: type["Backbone"]) -> bool:
    try:
        kind.options_type.make(no_such_option=1)
    except ConfigError:
        return True
    return False


def _refuses_start(kind: type["Backbone"], users: FloatArray, items: FloatArray) -> bool:
    try:
        kind(users, items, _small_start()[2])
    except EmbeddingError:
        return True
    return False
