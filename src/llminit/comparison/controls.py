"""Controls: initial embeddings that keep the statistics of text and lose its meaning."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray
from llminit.initialization import InitialEmbeddings, user_means

_STREAM = 2  # Others draw from the seed alone, or from its stream 1.


def controlled(initial: InitialEmbeddings, control: str | None, train: sp.csr_array, seed: int) -> InitialEmbeddings:
    """Return the initial embeddings of a control.

    - shuffled: the item rows are permuted, so every statistic of the table stays and no item has its own text.
    - noise: independent Gaussian numbers with exactly the mean and standard deviation of each column of the initial
      item embeddings; what columns had in common is lost too.
    - untrained, or None: as they are; that nothing is trained is the business of who trains.

    Users are the means of their training items, as always.

    Args:
        initial: What the control is a control of.
        control: Its name.
        train: Training interactions of shape (n_users, n_items), ones.
        seed: Of the permutation or of the noise.
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
    exact = items.astype(np.float64)
    result: FloatArray = (noise * exact.std(axis=0) + exact.mean(axis=0)).astype(np.float32)
    return result
