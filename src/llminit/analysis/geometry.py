"""The directions of embeddings: alignment, uniformity and anisotropy, and a summary of all measures."""

from typing import Any

import numpy as np

from llminit.analysis.collapse import effective_rank, information_abundance, spectrum
from llminit.analysis.matrices import blocks, checked, gram, unit_rows
from llminit.arrays import AnyArray, Float64Array, FloatArray, IntArray
from llminit.errors import EmbeddingError, InputError

N_PAIRS = 100_000
"""The most pairs that uniformity is measured from."""

_MAX_SINGULAR_VALUES = 768


def alignment(users: AnyArray, items: AnyArray, interactions_users: IntArray, interactions_items: IntArray) -> float:
    """Return the mean squared distance between the directions of users and of the items that they have.

    Between 0 and 4, lower is closer: the mean over interactions of |u / |u| - i / |i||^2. Sources: Wang and Isola,
    2020, "Understanding contrastive representation learning through alignment and uniformity on the hypersphere";
    for recommenders Wang et al., 2022 (DirectAU, arXiv 2206.12811).

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        interactions_users: int64 of shape (n,), the user code of each interaction.
        interactions_items: int64 of shape (n,), the item code of each interaction.

    Raises:
        EmbeddingError: The embeddings are not tables of finite numbers of one width.
        InputError: There is no interaction, the columns differ in length, or a code is out of range.
    """
    left, right = checked(users, "user embeddings"), checked(items, "item embeddings")
    if left.shape[1] != right.shape[1]:
        raise EmbeddingError(
            f"user embeddings are {left.shape[1]} wide and item embeddings {right.shape[1]}; expected one width; "
            "pass the two tables of one model"
        )
    of_users = _checked_codes(interactions_users, len(left), "user")
    of_items = _checked_codes(interactions_items, len(right), "item")
    if len(of_users) != len(of_items):
        raise InputError(
            f"{len(of_users)} users and {len(of_items)} items of interactions; expected one of each per interaction; "
            "pass two columns of one table"
        )
    return float(_squared_distances(unit_rows(left), unit_rows(right), of_users, of_items).mean())


def uniformity(embeddings: AnyArray, seed: int = 0, n_pairs: int = N_PAIRS) -> float:
    """Return log of the mean of exp(-2 |x / |x| - y / |y||^2) over pairs of different rows.

    At most 0, lower is more evenly spread; 0 when all rows point the same way. Sources as for `alignment`. Tables
    with no more than `n_pairs` pairs are measured exactly, others by that many pairs drawn at random.

    Args:
        embeddings: float32 of shape (n, d), at least 2 rows.
        seed: Seed of the pairs.
        n_pairs: Most pairs to measure.

    Raises:
        EmbeddingError: The embeddings are not a table of at least 2 rows of finite numbers.
        InputError: n_pairs is less than 1.
    """
    values = checked(embeddings)
    if n_pairs < 1:
        raise InputError(f"n_pairs={n_pairs}; expected at least 1 pair; raise it")
    if len(values) < 2:
        raise EmbeddingError("one row has no pairs; expected at least 2 rows; pass all users or all items")
    first, second = _pairs(len(values), seed, n_pairs)
    rows = unit_rows(values)
    return float(np.log(np.exp(-2 * _squared_distances(rows, rows, first, second)).mean()))


def anisotropy(embeddings: AnyArray) -> dict[str, float]:
    """Measure how far an encoder's embeddings all point the same way.

    - "mean_cosine": the mean cosine of two different rows, over all pairs (Ethayarajh, 2019, "How contextual are
      contextualized word representations?", arXiv 1909.00512). A row of zeros has cosine 0 with any other.
    - "mean_share": share of the rows' mean squared length that lies in their mean vector.
    - "top_share": share of the variance about the mean that lies along its leading direction (Ethayarajh's maximum
      explainable variance).

    Args:
        embeddings: float32 of shape (n, d).

    Returns:
        Three numbers; 0 where they are undefined.

    Raises:
        EmbeddingError: The embeddings are not a table of finite numbers.
    """
    values = checked(embeddings)
    n = len(values)
    directions = unit_rows(values)
    # The dot products of all ordered pairs, a row with itself included, add up to the squared length of the sum.
    total = float((directions.sum(axis=0, dtype=np.float64) ** 2).sum())
    squared_lengths = float(np.square(directions, dtype=np.float64).sum())
    mean = values.mean(axis=0, dtype=np.float64)
    variances = np.maximum(np.linalg.eigvalsh(gram(values, mean)), 0)
    mean_part, varying = n * float(mean @ mean), float(variances.sum())
    return {
        "mean_cosine": _share(total - squared_lengths, n * (n - 1)),
        "mean_share": _share(mean_part, mean_part + varying),
        "top_share": _share(float(variances[-1]), varying),
    }


def describe(
    users: AnyArray, items: AnyArray, interactions_users: IntArray, interactions_items: IntArray, seed: int = 0
) -> dict[str, Any]:
    """Summarise one model's embeddings, ready for JSON; every number has 5 significant digits.

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        interactions_users: int64 of shape (n,), the user code of each interaction.
        interactions_items: int64 of shape (n,), the item code of each interaction.
        seed: Seed of the pairs that uniformity is estimated from.

    Returns:
        Of the items: "singular_values" (the 768 largest at most), "effective_rank", "information_abundance",
        "effective_rank_centred" (of the items less their mean) and "uniformity"; of both: "alignment"; of the users:
        "users_effective_rank" and "users_uniformity".

    Raises:
        EmbeddingError: The embeddings are not tables of at least 2 rows of finite numbers of one width.
        InputError: The interactions cannot be used; see `alignment`.
    """
    singular_values = spectrum(items)
    numbers = {
        "effective_rank": effective_rank(singular_values),
        "effective_rank_centred": effective_rank(spectrum(items, centred=True)),
        "information_abundance": information_abundance(singular_values),
        "alignment": alignment(users, items, interactions_users, interactions_items),
        "uniformity": uniformity(items, seed),
        "users_effective_rank": effective_rank(spectrum(users)),
        "users_uniformity": uniformity(users, seed),
    }
    return {
        "singular_values": [_rounded(value) for value in singular_values[:_MAX_SINGULAR_VALUES]],
        **{name: _rounded(value) for name, value in numbers.items()},
    }


def _squared_distances(left: FloatArray, right: FloatArray, rows: IntArray, columns: IntArray) -> Float64Array:
    """Return |left[row] - right[column]|^2 of each pair, float64 of shape (n,)."""
    result = np.empty(len(rows))
    for block in blocks(len(rows), left.shape[1]):
        difference = left[rows[block]] - right[columns[block]]
        result[block] = np.einsum("nd,nd->n", difference, difference)
    return result


def _pairs(n: int, seed: int, n_pairs: int) -> tuple[IntArray, IntArray]:
    """Return pairs of different rows: all of them, or `n_pairs` drawn with replacement."""
    if n * (n - 1) // 2 <= n_pairs:
        first, second = np.triu_indices(n, k=1)
        return first, second
    rng = np.random.default_rng(seed)
    first = rng.integers(n, size=n_pairs)
    return first, (first + rng.integers(1, n, size=n_pairs)) % n


def _checked_codes(codes: AnyArray, n: int, what: str) -> IntArray:
    values = np.asarray(codes, dtype=np.int64).reshape(-1)
    if len(values) == 0:
        raise InputError("there is no interaction to measure; expected at least one; pass the training interactions")
    if values.min() < 0 or values.max() >= n:
        raise InputError(
            f"{what} codes from {values.min()} to {values.max()}; expected 0 to {n - 1}, the rows of the {what} "
            "embeddings; pass codes, not ids"
        )
    return values


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
