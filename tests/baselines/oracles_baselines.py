"""Slow, obvious versions of the baselines."""

import numpy as np


def slow_similarities(train, shrink):
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


def slow_ease(train, l2):
    """Fit each item from all others by ridge regression, solved one by one."""
    n_items = train.shape[1]
    weights = np.zeros((n_items, n_items))
    for item in range(n_items):
        others = [other for other in range(n_items) if other != item]
        inputs = train[:, others]
        gram = inputs.T @ inputs + l2 * np.eye(n_items - 1)
        weights[others, item] = np.linalg.solve(gram, inputs.T @ train[:, item])
    return train @ weights
