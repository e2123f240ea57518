"""Feature sums, as LightFM has them: an item is its own embedding plus those of its words, brand and categories.

A cold item is the sum of its features alone. Trained by a softmax over a step's items and random ones, which serves
such models better than LightFM's own losses; the epoch is the one with the highest recall@10 of the warm validation
interactions.
"""

import re

import numpy as np
import polars as pl
import torch
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.data import HeldOut

SIZE, EPOCHS, BATCH, NEGATIVES, RATE, DECAY = 128, 6, 2048, 1024, 0.003, 1e-6
_MIN_ITEMS = 3


def features_of(table: pl.DataFrame) -> csr_array:
    """Return the words of all columns, each with its column's name, that three items have: CSR of unit row sums."""
    words: list[set[str]] = []
    for row in table.drop("item_id", strict=False).iter_rows(named=True):
        parts = {name: re.findall(r"\w+", str(value).lower()) for name, value in row.items() if value is not None}
        words.append({f"{name} {word}" for name, own in parts.items() for word in own})
    names, counts = np.unique([word for own in words for word in own], return_counts=True)
    codes = {name: code for code, name in enumerate(names[counts >= _MIN_ITEMS].tolist())}
    pairs = [(row, codes[word]) for row, own in enumerate(words) for word in sorted(own) if word in codes]
    rows, columns = np.array(pairs).T
    matrix = csr_array((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(words), len(codes)))
    return csr_array(matrix.multiply(1 / np.maximum(matrix.sum(axis=1), 1)[:, np.newaxis]), dtype=np.float32)


def fitted(held_out: HeldOut, warm: csr_array, cold: csr_array, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return the scores of warm and of cold items, whose features these are, for all users."""
    generator = torch.Generator().manual_seed(seed)
    train = held_out.train
    users, items = (torch.from_numpy(part.astype(np.int64)) for part in train.nonzero())
    n_users, n_items = train.shape

    def table(n_rows: int) -> torch.Tensor:
        return torch.nn.Parameter(0.1 * torch.randn(n_rows, SIZE, generator=generator) / SIZE**0.5)

    of_users, own, of_features = table(n_users), table(n_items), table(warm.shape[1])
    optimizer = torch.optim.Adam([of_users, own, of_features], lr=RATE, weight_decay=DECAY, fused=True)
    features = torch.from_numpy(warm.toarray())
    best: tuple[float, tuple[FloatArray, FloatArray]] | None = None
    for _ in range(EPOCHS):
        order = torch.randperm(len(users), generator=generator)
        for rows in (order[first : first + BATCH] for first in range(0, len(users), BATCH)):
            shown = torch.cat([items[rows], torch.randint(n_items, (NEGATIVES,), generator=generator)])
            scores = of_users[users[rows]] @ (own[shown] + features[shown] @ of_features).T
            scores[:, : len(rows)].masked_fill_(_same(items[rows]), -torch.inf)
            loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(rows)))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        with torch.no_grad():
            all_scores = (of_users @ (own + features @ of_features).T).numpy()
        quality = _recall(all_scores, held_out)
        if best is None or quality > best[0]:
            cold_scores = (of_users.detach().numpy() @ (cold @ of_features.detach().numpy()).T).astype(np.float32)
            best = quality, (all_scores, cold_scores)
    assert best is not None
    return best[1]


def _same(items: torch.Tensor) -> torch.Tensor:
    """Return which of a step's items are others' same item, bool of shape (n, n): they are no negatives."""
    return (items[:, None] == items[None, :]) & ~torch.eye(len(items), dtype=torch.bool)


def _recall(scores: FloatArray, held_out: HeldOut) -> float:
    users, items = held_out.valid.nonzero()
    masked = scores.copy()
    masked[held_out.train.nonzero()] = -np.inf
    ahead = (masked[users] > masked[users, items][:, np.newaxis]).sum(axis=1)
    return float((ahead < 10).mean())
