"""Slow, obvious versions of the baselines."""

import numpy as np

from llminit.arrays import AnyArray, Float64Array, FloatArray


def slow_similarities(train: AnyArray, shrink: float) -> Float64Array:
    """Compute the cosine of every pair of different items, one by one."""
    n_items = train.shape[1]
    result = np.zeros((n_items, n_items))
    for one in range(n_items):
        for other in range(n_items):
            common = train[:, one] @ train[:, other]
            if one != other and common:
                norms = np.sqrt((train[:, one] ** 2).sum()) * np.sqrt((train[:, other] ** 2).sum())
                result[one, other] = common / (norms + shrink)
    return result


def slow_ridge(train: AnyArray, penalty: AnyArray) -> Float64Array:
    """Fit each item from all others by ridge regression with a penalty for each input, solved one by one."""
    n_items = train.shape[1]
    weights = np.zeros((n_items, n_items))
    for item in range(n_items):
        others = [other for other in range(n_items) if other != item]
        inputs = train[:, others]
        gram = inputs.T @ inputs + np.diag(penalty[others])
        weights[others, item] = np.linalg.solve(gram, inputs.T @ train[:, item])
    return weights


def slow_text_ridge(train: AnyArray, text: FloatArray, text_weight: float, l2: float, text_l2: float) -> Float64Array:
    """Item by item: the weights of the other items, drawn to those that predict the item's text from their texts."""
    rows = text - text.mean(axis=0)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    prior = slow_ridge(rows.T, np.full(len(rows), text_l2))
    gram = train.T.astype(np.float64) @ train
    weights = np.zeros_like(gram)
    for item in range(len(gram)):
        others = np.arange(len(gram)) != item
        left = gram[np.ix_(others, others)] + (l2 + text_weight) * np.eye(len(gram) - 1)
        weights[others, item] = np.linalg.solve(left, gram[others, item] + text_weight * prior[others, item])
    return weights


def slow_walks(train: AnyArray, alpha: float, beta: float) -> Float64Array:
    """Add up the probabilities of every walk from an item over a user to another item, one by one."""
    n_users, n_items = train.shape
    interactions = train != 0
    result = np.zeros((n_items, n_items))
    for one in range(n_items):
        for other in range(n_items):
            for user in range(n_users):
                if one != other and interactions[user, one] and interactions[user, other]:
                    steps = (1 / interactions[:, one].sum()) ** alpha * (1 / interactions[user].sum()) ** alpha
                    result[one, other] += steps / interactions[:, other].sum() ** beta
    return result


def slow_normalized(train: AnyArray) -> Float64Array:
    """Divide each interaction by the root of its user's and its item's degree."""
    interactions = (train != 0).astype(np.float64)
    result: Float64Array = np.zeros_like(interactions)
    for user, item in zip(*np.nonzero(interactions), strict=True):
        result[user, item] = 1 / np.sqrt(interactions[user].sum() * interactions[:, item].sum())
    return result


def slow_graph_filter(train: AnyArray, k: int, alpha: float) -> Float64Array:
    """Multiply interactions by the filter as the paper writes it."""
    interactions: Float64Array = (train != 0).astype(np.float64)
    smooth, popularity = slow_normalized(train), interactions.sum(axis=0)
    leading = np.linalg.svd(smooth, full_matrices=False)[2][:k]
    down, up = np.diag(1 / np.sqrt(np.maximum(popularity, 1))), np.diag(np.sqrt(popularity))
    scores: Float64Array = interactions @ (smooth.T @ smooth + alpha * down @ leading.T @ leading @ up)
    return scores


def popular_without_history(scores: AnyArray, train: AnyArray) -> AnyArray:
    """Replace the scores of each user without an item by how many users have each item."""
    popularity = (train != 0).sum(axis=0)
    return np.array([row if history.any() else popularity for row, history in zip(scores, train, strict=True)])


def slow_text_scores(train: AnyArray, text: FloatArray, *, centred: bool, n_layers: int) -> AnyArray:
    """Propagate text embeddings over the graph, average the layers and take cosines pair by pair."""
    has_text = (text != 0).any(axis=1)
    rows = text.astype(np.float64)
    if centred:
        rows[has_text] -= rows[has_text].mean(axis=0)
    users = np.array(
        [rows[history != 0].mean(axis=0) if history.any() else np.zeros(rows.shape[1]) for history in train]
    )
    smooth = slow_normalized(train)
    layers = [(users, rows)]
    for _ in range(n_layers):
        layers.append((smooth @ layers[-1][1], smooth.T @ layers[-1][0]))
    users, items = (np.mean([layer[side] for layer in layers], axis=0) for side in (0, 1))
    return popular_without_history(np.array([[_cosine(user, item) for item in items] for user in users]), train)


def _cosine(one: Float64Array, other: Float64Array) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / lengths) if lengths else 0.0


def slow_ials(
    train: AnyArray,
    features: FloatArray,
    items: AnyArray,
    epochs: int,
    unobserved: float,
    reg_weight: float,
    reg_exponent: float,
    text_l2: float,
) -> tuple[Float64Array, Float64Array]:
    """Alternate: every user, then the map from features to items, then every item, each as a dense system."""
    rows: Float64Array = items.astype(np.float64)

    def solved(weights: AnyArray, others: Float64Array, centres: Float64Array, ridge: float) -> Float64Array:
        left = unobserved * others.T @ others + (others.T * weights) @ others + ridge * np.eye(others.shape[1])
        return np.asarray(np.linalg.solve(left, others.T @ weights + ridge * centres), dtype=np.float64)

    def ridges(counts: AnyArray, n_others: int) -> Float64Array:
        return np.asarray(reg_weight * (counts + unobserved * n_others) ** reg_exponent, dtype=np.float64)

    n_users, n_items = train.shape
    by_user, by_item = ridges((train != 0).sum(axis=1), n_items), ridges((train != 0).sum(axis=0), n_users)
    users: Float64Array = np.zeros((n_users, rows.shape[1]))
    for _ in range(epochs):
        users = np.array([solved(train[user], rows, 0 * users[user], by_user[user]) for user in range(n_users)])
        weighted = features.T.astype(np.float64) * by_item
        penalty = text_l2 * by_item.mean() * np.eye(features.shape[1])
        flat = np.linalg.solve(weighted @ features + penalty, weighted @ rows)
        centres = features @ flat
        rows = np.array([solved(train[:, item], users, centres[item], by_item[item]) for item in range(n_items)])
    return users, rows
