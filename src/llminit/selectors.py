"""Selectors: from wide text embeddings (n_items, D) to item embeddings (n_items, d).

The paper's selectors (arXiv 2503.01814) choose d of the D columns: random, uniform, variance. The others are linear
maps: pca, whiten, prefix, projection. Each is one function of a `SelectorInput` and its own keyword options, and each
returns a `Selection`: a map that is fitted once and takes any text embedding of the same encoder, so that an item that
arrives later goes the same way.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from llminit.arrays import FloatArray, IntArray
from llminit.errors import ConfigError, EmbeddingError


@dataclass(frozen=True)
class SelectorInput:
    """What a selector may look at.

    Attributes:
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d, the number of dimensions to make.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness.
    """

    text_embeddings: FloatArray
    embedding_size: int
    item_degrees: IntArray
    rng: np.random.Generator

    @property
    def width(self) -> int:
        """D, the text embeddings' number of columns."""
        return int(self.text_embeddings.shape[1])


@dataclass(frozen=True)
class Selection:
    """A fitted map from text embeddings to item embeddings; exactly one of `dims` and `matrix` is given.

    Attributes:
        dims: int64 of shape (d,), the chosen columns.
        matrix: float32 of shape (D, d), a linear map.
        centre: float32 of shape (D,), subtracted before `matrix` is applied.
    """

    dims: IntArray | None = None
    matrix: FloatArray | None = None
    centre: FloatArray | None = None

    def apply(self, text_embeddings: FloatArray) -> FloatArray:
        """Map float32 of shape (n, D) to float32 of shape (n, d)."""
        if self.matrix is None:
            return np.ascontiguousarray(text_embeddings[:, self.dims])
        centred = text_embeddings if self.centre is None else text_embeddings - self.centre
        return (centred @ self.matrix).astype(np.float32, copy=False)


Selector = Callable[..., Selection]
SELECTORS: dict[str, Selector] = {}


def fit_selector(
    name: str,
    text_embeddings: FloatArray,
    embedding_size: int,
    *,
    item_degrees: IntArray,
    rng: np.random.Generator,
    options: dict[str, Any] | None = None,
) -> Selection:
    """Fit a selector by name.

    Args:
        name: A key of `SELECTORS`.
        text_embeddings: float32 of shape (n, D), of the items that have text.
        embedding_size: d; `full` keeps all D whatever it says.
        item_degrees: int64 of shape (n,), each item's number of training interactions.
        rng: Source of randomness; the same state gives the same selection.
        options: The selector's own options.

    Raises:
        ConfigError: There is no such selector, it does not take an option or an option's value, or d is not positive.
        EmbeddingError: D is smaller than d, there are too few items for the selector, or not one degree an item.
    """
    selector, checked = selector_named(name, options)
    given = SelectorInput(text_embeddings, embedding_size, item_degrees, rng)
    _check_input(given, may_be_narrow=name == "full")
    return selector(given, **checked)


def selector_named(name: str, options: dict[str, Any] | None = None) -> tuple[Selector, dict[str, Any]]:
    """Return a selector and its options, checked.

    Raises:
        ConfigError: There is no such selector, or it does not take an option or an option's value.
    """
    selector = SELECTORS.get(name)
    if selector is None:
        raise ConfigError(f"unknown selector {name!r}; choose one of: {', '.join(SELECTORS)}")
    return selector, _checked_options(name, selector, options or {})


def _checked_options(name: str, selector: Selector, options: dict[str, Any]) -> dict[str, Any]:
    known = {each.name: each for each in inspect.signature(selector).parameters.values() if each.name != "given"}
    checked = {}
    for option, value in options.items():
        if option not in known:
            raise ConfigError(f"selector {name!r} takes no option {option!r}; it takes: {', '.join(known) or 'none'}")
        try:
            checked[option] = TypeAdapter(known[option].annotation).validate_python(value)
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise ConfigError(f"{option}={value!r} cannot be used by selector {name!r}: {problem}") from error
    return checked


def _check_input(given: SelectorInput, *, may_be_narrow: bool) -> None:
    if given.embedding_size < 1:
        raise ConfigError(f"embedding_size={given.embedding_size} cannot be used, expected at least 1")
    if given.text_embeddings.shape[0] != len(given.item_degrees) or not len(given.item_degrees):
        raise EmbeddingError(
            f"found text embeddings of shape {given.text_embeddings.shape} and {len(given.item_degrees)} item degrees, "
            "expected one degree for each of at least one row"
        )
    if given.width < given.embedding_size and not may_be_narrow:
        raise EmbeddingError(
            f"embedding_size={given.embedding_size} exceeds the text embeddings' {given.width} dimensions; lower "
            "embedding_size or use a wider encoder"
        )


def _register(selector: Selector) -> Selector:
    SELECTORS[selector.__name__] = selector
    return selector


@_register
def random(given: SelectorInput, *, replacement: bool = False) -> Selection:
    """Choose columns at random; `replacement=True` lets them repeat, as the paper's code does."""
    return Selection(dims=np.sort(given.rng.choice(given.width, given.embedding_size, replace=replacement)))


@_register
def uniform(given: SelectorInput) -> Selection:
    """Choose evenly spaced columns over the whole width (the paper's, where d divides D)."""
    return Selection(dims=np.arange(given.embedding_size) * given.width // given.embedding_size)


@_register
def variance(given: SelectorInput, *, share: float = 0.2) -> Selection:
    """Choose the columns with the largest variance over the most popular `share` of items, in ascending order."""
    if not 0 < share <= 1:
        raise ConfigError(f"share={share} cannot be used, expected a number in (0, 1]")
    n_popular = int(len(given.item_degrees) * share)
    if n_popular < 2:
        raise EmbeddingError(
            f"{share:.0%} of {len(given.item_degrees)} items with text are {n_popular}, expected at least 2 to have a "
            "variance; raise share or choose another selector"
        )
    popular = np.argsort(-given.item_degrees, kind="stable")[:n_popular]
    variances = given.text_embeddings[popular].astype(np.float64).var(axis=0, ddof=1)
    return Selection(dims=np.sort(np.argsort(-variances, kind="stable")[: given.embedding_size]))


@_register
def full(given: SelectorInput) -> Selection:
    """Keep every column."""
    return Selection(dims=np.arange(given.width))


@_register
def prefix(given: SelectorInput) -> Selection:
    """Keep the first columns, for encoders trained to be cut short (Matryoshka, arXiv 2205.13147)."""
    return Selection(dims=np.arange(given.embedding_size))


@_register
def projection(given: SelectorInput) -> Selection:
    """Project on random Gaussian directions, which keeps squared lengths in expectation (Johnson-Lindenstrauss)."""
    matrix = given.rng.normal(scale=given.embedding_size**-0.5, size=(given.width, given.embedding_size))
    return Selection(matrix=matrix.astype(np.float32))


@_register
def pca(given: SelectorInput) -> Selection:
    """Centre, then project on the d directions of largest variance."""
    centre, directions, _ = _principal_directions(given)
    return Selection(matrix=directions.astype(np.float32), centre=centre.astype(np.float32))


@_register
def whiten(given: SelectorInput, *, norm: float | None = None) -> Selection:
    """Centre, project on the d directions of largest variance and give each the same variance (WhitenRec, 2402.10602).

    Whitening leaves the overall scale free, and training is sensitive to it: `norm` is the root mean squared length of
    a row; by default the text embeddings' own, which is 1 for most encoders.
    """
    centre, directions, variances = _principal_directions(given)
    if norm is None:
        norm = float(np.sqrt(np.square(given.text_embeddings, dtype=np.float64).sum(axis=1).mean()))
    elif not 0 < norm < np.inf:
        raise ConfigError(f"norm={norm} cannot be used, expected a positive number")
    matrix = directions * (norm / np.sqrt(variances * given.embedding_size))
    return Selection(matrix=matrix.astype(np.float32), centre=centre.astype(np.float32))


def _principal_directions(
    given: SelectorInput,
) -> tuple["np.ndarray[Any, np.dtype[np.float64]]", "np.ndarray[Any, np.dtype[np.float64]]", Any]:
    """Return the mean (D,), the d leading eigenvectors of the covariance (D, d) and their eigenvalues (d,)."""
    embeddings = given.text_embeddings.astype(np.float64)
    centre = embeddings.mean(axis=0)
    embeddings -= centre
    variances, directions = np.linalg.eigh(embeddings.T @ embeddings / len(embeddings))
    leading = np.arange(given.width)[::-1][: given.embedding_size]
    variances, directions = variances[leading], directions[:, leading]
    n_usable = int((variances > 1e-7 * max(variances[0], 1e-30)).sum())
    if n_usable < given.embedding_size:
        raise EmbeddingError(
            f"the text embeddings of {len(embeddings)} items vary in {n_usable} directions only, fewer than "
            f"embedding_size={given.embedding_size}; lower embedding_size or choose a selector that picks columns"
        )
    # An eigenvector's sign is arbitrary; make its largest entry positive so that all machines agree.
    largest = np.abs(directions).argmax(axis=0)
    return centre, directions * np.sign(directions[largest, np.arange(given.embedding_size)]), variances
