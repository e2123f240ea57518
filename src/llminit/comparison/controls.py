"""Controls: initial embeddings that keep the statistics of text and lose its meaning."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray
from llminit.initialization import InitialEmbeddings, user_means

_STREAM = 2  # The split draws from the seed alone, and `sparsity` from its stream 1.


def controlled(initial: InitialEmbeddings, control: str | None, train: sp.csr_array, seed: int) -> InitialEmbeddings:
    """Return the initial embeddings of a control.

    - shuffled: the item rows are permuted, so every statistic of the table stays and no item has its own text.
    - noise: independent Gaussian numbers with exactly the mean and standard deviation of each column of the initial
      item embeddings; the correlations between columns are lost too.
    - untrained, or None: unchanged; the caller leaves out the training.

    Users are the means of their training items, as always.

    Args:
        initial: The initial embeddings that the control is made from.
        control: Name of the control.
        train: Training interactions of shape (n_users, n_items), ones.
        seed: Seed of the permutation or of the noise.
    """
    rng = np.random.default_rng([seed, _STREAM])
    if control == "shuffled":
        items = initial.items[rng.permutation(len(initial.items))]
    elif control == "noise":
        items = _noise_like(initial.items, rng)
    else:
        return initial
    return replace(initial, items=items, users=user_means(items, train)[0])


def _noise_like(items: FloatArray, rng: np.random.Generator) -> FloatArray:
    noise = rng.standard_normal(items.shape)
    noise -= noise.mean(axis=0)
    # A single item has no spread.
    noise /= np.maximum(noise.std(axis=0), np.finfo(np.float64).tiny)
    values = items.astype(np.float64)
    result: FloatArray = (noise * values.std(axis=0) + values.mean(axis=0)).astype(np.float32)
    return result
