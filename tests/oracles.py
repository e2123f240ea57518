"""Slow, obvious versions of what the library computes fast.

Plain loops, dense matrices, float64, exp and log as in the papers' formulas. Nothing here imports the library.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

AnyArray: TypeAlias = NDArray[Any]


def tensor(array: AnyArray | torch.Tensor) -> torch.Tensor:
    """Return any array as a float64 tensor."""
    return torch.as_tensor(np.asarray(array, dtype=np.float64))


def assert_close(
    actual: AnyArray | torch.Tensor | None, expected: AnyArray | torch.Tensor | None, relative: float
) -> None:
    """Check that neither is None and that they differ by at most `relative` times the largest expected value."""
    assert actual is not None
    assert expected is not None
    actual, expected = tensor(actual), tensor(expected)
    assert actual.shape == expected.shape
    error = float((actual - expected).abs().max())
    assert error <= relative * max(float(expected.abs().max()), 1e-12), f"differs by {error}"


# Selectors


def reference_uniform_dims(width: int, size: int) -> list[int]:
    """The columns that the paper's code takes."""
    return torch.arange(0, width, width // size)[:size].tolist()


def variance_dims(texts: AnyArray, degrees: Sequence[int], size: int, share: float) -> list[int]:
    """The `size` columns of largest unbiased variance over the `share` of items with the highest degree."""
    by_popularity = sorted(range(len(degrees)), key=lambda item: (-degrees[item], item))
    popular = by_popularity[: int(share * len(degrees))]
    variances = []
    for column in range(texts.shape[1]):
        values = [float(texts[item, column]) for item in popular]
        mean = sum(values) / len(values)
        variances.append(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return sorted(sorted(range(len(variances)), key=lambda column: (-variances[column], column))[:size])


def principal_scores(texts: AnyArray, size: int) -> AnyArray:
    """Centred rows in the coordinates of the leading right singular vectors (each up to its sign), float64."""
    centred = tensor(texts) - tensor(texts).mean(dim=0)
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    scores: AnyArray = (left * values)[:, :size].numpy()
    return scores


def ledoit_wolf(texts: AnyArray) -> float:
    """The shrinkage of Ledoit & Wolf (2004), each norm summed over a whole matrix and divided by its width."""
    n_rows, width = texts.shape
    rows = texts - texts.mean(axis=0)
    covariance = sum(np.outer(row, row) for row in rows) / n_rows
    mean = np.trace(covariance) / width
    distance = np.sum((covariance - mean * np.eye(width)) ** 2) / width
    errors = [np.sum((np.outer(row, row) - covariance) ** 2) / width for row in rows]
    error = min(sum(errors) / n_rows**2, distance)
    return float(error / distance) if distance > 0 else 0.0


def item_links(interactions: AnyArray) -> AnyArray:
    """N'N entry by entry: for each two items, the sum over users who have both of 1 / (degrees' roots)."""
    n_users, n_items = interactions.shape
    users, items = interactions.sum(axis=1), interactions.sum(axis=0)
    links = np.zeros((n_items, n_items))
    for one in range(n_items):
        for other in range(n_items):
            for user in range(n_users):
                if interactions[user, one] and interactions[user, other]:
                    links[one, other] += 1 / (users[user] * math.sqrt(items[one] * items[other]))
    return links


def laplacian_scores(texts: AnyArray, interactions: AnyArray) -> list[float]:
    """Each column's variation over pairs of one user's items, relative to its variance weighted by degrees."""
    n_users, n_items = interactions.shape
    degrees = interactions.sum(axis=0)
    scores = []
    for column in texts.T.astype(np.float64):
        mean = (degrees * column).sum() / degrees.sum()
        total = (degrees * (column - mean) ** 2).sum()
        variation = 0.0
        for user in range(n_users):
            seen = [item for item in range(n_items) if interactions[user, item]]
            pairs = [(column[one] - column[other]) ** 2 for one in seen for other in seen]
            variation += sum(pairs) / (2 * max(len(seen), 1))
        scores.append(variation / total)
    return scores


def history_covariances(texts: AnyArray, interactions: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The covariances of two different items of one history and of one item, over all ordered pairs, each drawn so."""
    histories = [np.flatnonzero(row) for row in interactions if row.sum() > 1]
    drawn = [(one, other, 1 / (len(items) - 1)) for items in histories for one in items for other in items]
    drawn = [(one, other, share) for one, other, share in drawn if one != other]
    total = sum(share for _, _, share in drawn)
    rows = texts.astype(np.float64)
    rows -= np.sum([share * rows[one] for one, _, share in drawn], axis=0) / total
    pairs = np.sum([share * np.outer(rows[one], rows[other]) for one, other, share in drawn], axis=0) / total
    return pairs, np.sum([share * np.outer(rows[one], rows[one]) for one, _, share in drawn], axis=0) / total


def mean_of_seen(items: AnyArray, pairs: Sequence[tuple[int, int]], n_users: int) -> AnyArray:
    """Each user's mean over the item rows in their (user, item) pairs; the mean of all rows where there is none."""
    rows = []
    for user in range(n_users):
        seen = [items[item] for other, item in pairs if other == user] or list(items)
        rows.append(np.sum(np.asarray(seen, dtype=np.float64), axis=0) / len(seen))
    return np.array(rows)


# Graph


def dense_adjacency(pairs: Iterable[tuple[int, int]], n_users: int, n_items: int) -> torch.Tensor:
    """Fill D^-1/2 A D^-1/2 entry by entry, float64 of shape (n_nodes, n_nodes)."""
    n_nodes = n_users + n_items
    matrix = torch.zeros((n_nodes, n_nodes), dtype=torch.float64)
    for user, item in pairs:
        matrix[user, n_users + item] = matrix[n_users + item, user] = 1
    degrees = [float(matrix[node].sum()) + 1e-7 for node in range(n_nodes)]
    for row in range(n_nodes):
        for column in range(n_nodes):
            matrix[row, column] /= math.sqrt(degrees[row]) * math.sqrt(degrees[column])
    return matrix


def average_layers(embeddings: torch.Tensor, matrices: Iterable[torch.Tensor]) -> torch.Tensor:
    """Multiply by one dense matrix after the other and average all layers, the first included."""
    layers = [embeddings]
    for matrix in matrices:
        layers.append(matrix @ layers[-1])
    return torch.stack(layers).mean(dim=0)


# Losses: exactly as published, in loops over the batch


def bpr(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    losses = [
        -torch.log(1e-10 + 1 / (1 + torch.exp(-((user @ positive) - (user @ negative)))))
        for user, positive, negative in zip(users, positives, negatives, strict=True)
    ]
    return torch.stack(losses).mean()


def bpr_sum(users: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
    losses = [
        -torch.log(1 / (1 + torch.exp(-((user @ positive) - (user @ negative)))))
        for user, positive, negative in zip(users, positives, negatives, strict=True)
    ]
    return torch.stack(losses).sum()


def embedding_norm(*parts: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.sqrt((part * part).sum()) for part in parts]).sum() / len(parts[0])


def cosine(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return (left @ right) / (torch.sqrt(left @ left) * torch.sqrt(right @ right))


def info_nce(anchors: torch.Tensor, matches: torch.Tensor, candidates: torch.Tensor, tau: float) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for anchor, match in zip(anchors, matches, strict=True):
        below = sum(torch.exp(cosine(anchor, candidate) / tau) for candidate in candidates)
        total = total - torch.log(torch.exp(cosine(anchor, match) / tau) / below)
    return total


def supervised_contrastive(users: torch.Tensor, items: torch.Tensor, temperature: float) -> torch.Tensor:
    total = torch.zeros((), dtype=torch.float64)
    for user, item in zip(users, items, strict=True):
        cosines = [cosine(user, other) for other in users] + [cosine(item, other) for other in items]
        below = sum(torch.exp(value / temperature) for value in cosines)
        total = total - torch.log(torch.exp(cosine(user, item) / temperature) / below)
    return total


def exponentials(dots: AnyArray, scales: AnyArray, shifts: AnyArray) -> AnyArray:
    """E times the scales, entry by entry."""
    return np.array(
        [
            [
                math.exp(float(dot) * float(scale) - float(shift)) * float(scale)
                for dot, scale in zip(row, scales, strict=True)
            ]
            for row, shift in zip(dots, shifts, strict=True)
        ]
    )


def tangents(gradients: AnyArray, rows: AnyArray) -> AnyArray:
    """Each gradient minus its part along its row."""
    return np.array([g - row * (row @ g) / (row @ row) for g, row in zip(gradients, rows, strict=True)])


# Backbones: the loss of one batch of rows (users, positives, negatives)


def backbone_loss(
    name: str,
    embeddings: torch.Tensor,
    batch: Sequence[torch.Tensor],
    matrices: Sequence[torch.Tensor],
    views: Sequence[Sequence[torch.Tensor]],
    options: Mapping[str, float],
    n_users: int,
) -> torch.Tensor:
    """The loss of a backbone by name; `matrices` and the two `views` hold one dense matrix a layer."""
    users, positives, negatives = batch
    final = average_layers(embeddings, matrices)
    if name == "sgcl":
        return supervised_contrastive(final[users], final[positives], options["temperature"])
    norm = options["reg_weight"] * embedding_norm(embeddings[users], embeddings[positives], embeddings[negatives])
    triple = final[users], final[positives], final[negatives]
    if name != "sgl":
        return bpr(*triple) + norm
    first, second = (average_layers(embeddings, view) for view in views)
    tau = options["ssl_tau"]
    contrast = info_nce(first[users], second[users], second[:n_users], tau)
    contrast = contrast + info_nce(first[positives], second[positives], second[n_users:], tau)
    return bpr_sum(*triple) + norm + options["ssl_weight"] * contrast


class Adam:
    """Adam (Kingma & Ba, algorithm 1) on one float64 tensor."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate, self.step = learning_rate, 0
        self.mean = self.square = torch.zeros((), dtype=torch.float64)

    def move(self, values: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        self.step += 1
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        mean, square = self.mean / (1 - 0.9**self.step), self.square / (1 - 0.999**self.step)
        return values - self.learning_rate * mean / (torch.sqrt(square) + 1e-8)


def nodes_within_hops(
    pairs: Iterable[tuple[int, int]], n_users: int, rows: Iterable[int], n_hops: int
) -> list[set[int]]:
    """List the sets of nodes within 0, 1, ... n_hops hops of rows."""
    edges = [(user, item + n_users) for user, item in pairs]
    sets = [set(rows)]
    for _ in range(n_hops):
        reached = {right for left, right in edges if left in sets[-1]} | {
            left for left, right in edges if right in sets[-1]
        }
        sets.append(sets[-1] | reached)
    return sets


def add_neighbours(
    indptr: AnyArray,
    indices: AnyArray,
    weights: AnyArray,
    targets: AnyArray,
    position: AnyArray,
    source: AnyArray,
    base_position: AnyArray,
    base: AnyArray,
) -> AnyArray:
    """Add up each target's base row and its listed neighbours' weighted rows, one number at a time."""
    out = np.zeros((len(targets), source.shape[1]))
    for index, node in enumerate(targets):
        if base_position[node] < len(base):
            out[index] += base[base_position[node]]
        for edge in range(indptr[node], indptr[node + 1]):
            if position[indices[edge]] < len(source):
                out[index] += weights[edge].astype(np.float64) * source[position[indices[edge]]]
    return out


def least_squares_rows(
    indptr: AnyArray,
    indices: AnyArray,
    weights: AnyArray,
    factors: AnyArray,
    shared: AnyArray,
    own: AnyArray,
    targets: AnyArray,
) -> AnyArray:
    """Solve (D + sum of c y y') x = t + sum of c y for each row, as one dense system."""
    out = np.zeros(targets.shape)
    for row in range(len(targets)):
        matrix, target = np.diag(shared + own[row]).astype(np.float64), targets[row].astype(np.float64)
        for edge in range(indptr[row], indptr[row + 1]):
            factor = factors[indices[edge]].astype(np.float64)
            matrix += weights[edge] * np.outer(factor, factor)
            target = target + weights[edge] * factor
        out[row] = np.linalg.solve(matrix, target)
    return out


def slow_marginal_relevance(scores: dict[Any, float], vectors: dict[Any, Any], k: int, diversity: float) -> list[Any]:
    """Choose k items one by one: the next has most of (1 - diversity) * relevance - diversity * likeness."""
    ranked = sorted(scores, key=lambda item: -scores[item])
    low, high = min(scores.values(), default=0.0), max(scores.values(), default=0.0)
    chosen = ranked[:1]
    while ranked[:1] and len(chosen) < min(k, len(ranked)):

        def value(item: Any) -> float:
            relevance = (scores[item] - low) / (high - low) if high > low else 0.0
            likeness = max(float(vectors[item] @ vectors[other]) for other in chosen)
            return (1 - diversity) * relevance - diversity * likeness

        chosen.append(max((item for item in ranked if item not in chosen), key=value))
    return chosen


# Rows of a table that is spread over ranks


def listed_rows(entries: Sequence[int], n_ranks: int) -> tuple[list[int], list[int], list[int]]:
    """The distinct rows by rank, each rank's as they come; each entry's place among them; how many each rank has."""
    rows = [row for rank in range(n_ranks) for row in dict.fromkeys(entries) if row % n_ranks == rank]
    counts = [sum(row % n_ranks == rank for row in rows) for rank in range(n_ranks)]
    return rows, [rows.index(entry) for entry in entries], counts


def adam_of_rows(
    table: AnyArray,
    mean: AnyArray,
    square: AnyArray,
    places: Sequence[int],
    gradients: AnyArray,
    step: int,
    rate: float,
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Adam's step (arXiv 1412.6980) of the rows that have a gradient, the gradients of a row added up; float64."""
    table, mean, square = (np.array(array, dtype=np.float64) for array in (table, mean, square))
    for place in set(places):
        slope = sum(np.float64(gradients[index]) for index, other in enumerate(places) if other == place)
        mean[place] = 0.9 * mean[place] + 0.1 * slope
        square[place] = 0.999 * square[place] + 0.001 * slope**2
        corrected = mean[place] / (1 - 0.9**step), square[place] / (1 - 0.999**step)
        table[place] -= rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return table, mean, square
