"""Slow, obvious versions of the softmax and its relatives: one pair at a time, float64.

Nothing here imports the library.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from oracles import AnyArray, cosine


def surrogate(difference: torch.Tensor, name: str) -> torch.Tensor:
    """PSL's stand-ins for the step at zero."""
    if name == "tanh":
        return torch.tanh(difference) + 1
    if name == "atan":
        return torch.arctan(difference) + 1
    return torch.relu(difference + 1)


def family_loss(
    cosines: torch.Tensor,
    kept: AnyArray,
    users: Sequence[int],
    options: Mapping[str, Any],
    shifts: Sequence[float],
    quantiles: Sequence[float] = (),
) -> torch.Tensor:
    """The mean loss of the pairs, whose own items are the first columns; `kept` says which columns count for which."""
    losses, loss, temperature = [], options.get("loss", "softmax"), options.get("temperature", 0.15)
    for pair, user in enumerate(users):
        own = cosines[pair, pair]
        columns = [column for column in range(cosines.shape[1]) if kept[pair, column]]
        odds = torch.exp(torch.tensor([shifts[pair] - shifts[column] for column in columns], dtype=torch.float64))
        if loss == "psl":
            values = surrogate((cosines[pair, columns] - own) / 2, options.get("surrogate", "tanh"))
            losses.append(torch.log((values ** (2 / temperature) * odds).sum()))
            continue
        total = (torch.exp(cosines[pair, columns] / temperature) * odds).sum()
        cross_entropy = torch.log(total) - own / temperature
        if loss == "bsl":
            inner = options.get("positive_temperature", temperature)
            same = torch.stack([cosines[other, other] for other, name in enumerate(users) if name == user])
            pull = torch.log(torch.exp(same / inner).mean())
            losses.append(-pull + options.get("negative_power", temperature / inner) * torch.log(total))
        elif loss == "sl@k":
            sharpness = 1 / options.get("weight_temperature", 1.0)
            losses.append(cross_entropy / (1 + torch.exp((quantiles[user] - own) * sharpness)))
        else:
            losses.append(cross_entropy)
    return torch.stack(losses).mean()


def directau(users: torch.Tensor, items: torch.Tensor, gamma: float) -> torch.Tensor:
    """Alignment and uniformity of rows at length 1."""
    sides = [[row / torch.sqrt(row @ row) for row in rows] for rows in (users, items)]
    alignment = sum((user - item) @ (user - item) for user, item in zip(*sides, strict=True)) / len(users)
    uniformity = []
    for side in sides:
        pairs = [(one, other) for index, one in enumerate(side) for other in side[:index]]
        total = sum(torch.exp(-2 * ((one - other) @ (one - other))) for one, other in pairs)
        uniformity.append(torch.log(torch.as_tensor(total) / len(pairs)))
    return torch.as_tensor(alignment + gamma * (uniformity[0] + uniformity[1]) / 2)


def anchor(table: torch.Tensor, start: torch.Tensor, rows: set[int], n_pairs: int) -> torch.Tensor:
    """Half the squared distances of rows to their start, both at length 1, over the number of pairs."""
    total = torch.zeros((), dtype=torch.float64)
    for row in rows:
        difference = table[row] / torch.sqrt(table[row] @ table[row]) - start[row] / torch.sqrt(start[row] @ start[row])
        total = total + difference @ difference / (2 * n_pairs)
    return total


def kth_highest(
    users: AnyArray, items: AnyArray, histories: Sequence[Sequence[int]], own: AnyArray, k: int
) -> list[float]:
    """Each user's K-th highest score over all items, those of their history given; the lowest where there are fewer."""
    place, result = 0, []
    for user, history in enumerate(histories):
        scores = [float(users[user] @ items[item]) for item in range(len(items)) if item not in history]
        scores += [float(value) for value in own[place : place + len(history)]]
        place += len(history)
        result.append(sorted(scores, reverse=True)[min(k, len(scores)) - 1])
    return result


def left_out_user_cosines(items: torch.Tensor, histories: Sequence[Sequence[int]]) -> list[float]:
    """The cosine of each user's items with the sum of the user's other items, all at length 1; 0 without others."""
    units, found = [row / torch.sqrt(row @ row) for row in items], []
    for history in histories:
        for item in history:
            others = [units[other] for other in history if other != item]
            found.append(float(cosine(torch.stack(others).sum(dim=0), units[item])) if others else 0.0)
    return found
