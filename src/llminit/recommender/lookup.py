"""From ids and numbers that a caller gives to codes and counts, with errors that help."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from llminit.arrays import IntArray
from llminit.config import MAX_COUNT
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ConfigError, UnknownIdError, shown
from llminit.ids import examples, requested


def known_codes(vocabulary: Vocabulary, ids: Any, what: str, report: Mapping[str, Any]) -> IntArray:
    """Return the codes of ids that have to be known, int64 of shape (len(ids),).

    Args:
        vocabulary: The known ids.
        ids: A sequence or a column.
        what: What the ids stand for in messages, such as "users".
        report: A recommender's report, which knows what was filtered out of its data.

    Raises:
        UnknownIdError: Some are not known; the message names up to three of them.
        DataError: The values cannot be ids.
    """
    wanted = requested(ids, f"{vocabulary.kind} ids")
    codes = vocabulary.codes(wanted)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown) == 1:
        known_code(vocabulary, wanted[int(unknown[0])], report)
    if len(unknown):
        raise UnknownIdError(
            f"{len(unknown)} of {len(codes)} {what} are not in the data, such as "
            f"{examples(wanted.gather(unknown))}; the {vocabulary.kind} ids of the model are such as "
            f"{examples(vocabulary.ids)}: leave the others out{_filtered(report)}"
        )
    return codes


def known_code(vocabulary: Vocabulary, identifier: Any, report: Mapping[str, Any]) -> int:
    """Return the code of one id.

    Raises:
        UnknownIdError: It is not known; the message names similar ids.
    """
    try:
        return vocabulary.code_of(identifier)
    except UnknownIdError as error:
        raise UnknownIdError(f"{error}{_filtered(report)}") from error


def user_codes(users: Vocabulary, user_ids: Any, report: Mapping[str, Any]) -> IntArray:
    """Return the codes of the users that are asked for; None asks for all.

    Raises:
        ConfigError: It is one id and no list.
        UnknownIdError: A user is not known.
    """
    if user_ids is None:
        return np.arange(len(users))
    if not isinstance(user_ids, Iterable) or isinstance(user_ids, str | bytes | Mapping):
        text = shown(user_ids)
        raise ConfigError(f"user_ids={text} is one id, expected a list of them; write [{text}]")
    return known_codes(users, user_ids, "users", report)


def checked_ks(ks: Sequence[int]) -> list[int]:
    """Return the lengths of lists that are to be measured.

    Raises:
        ConfigError: They are not whole numbers of at least 1.
    """
    if not isinstance(ks, Iterable) or isinstance(ks, str | bytes):
        raise ConfigError(f"ks={shown(ks)} cannot be used; expected a list of whole numbers of at least 1: write [10]")
    checked = [checked_k(k) for k in ks]
    if not checked:
        raise ConfigError("ks is empty; expected at least one whole number, such as 10")
    return checked


def counts_of(k: int | Sequence[int], n_rows: int) -> IntArray:
    """Return how many items each row gets, int64 of shape (n_rows,), from one number or one for each.

    Raises:
        ConfigError: They are not whole numbers of at least 1.
    """
    if isinstance(k, int | np.integer) and not isinstance(k, bool):
        return np.full(n_rows, checked_k(k), dtype=np.int64)
    try:
        counts = np.asarray(k)
    except ValueError:
        counts = np.empty(0)
    if counts.shape != (n_rows,) or not np.issubdtype(counts.dtype, np.integer) or counts.min(initial=1) < 1:
        raise ConfigError(f"k={shown(k)} cannot be used; expected a whole number of at least 1, or one for each user")
    return counts.astype(np.int64)


def checked_k(k: int) -> int:
    """Return k, cut to what an array can hold; a user gets no more items than there are.

    Raises:
        ConfigError: It is not a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise ConfigError(f"k={shown(k)} cannot be used; expected a whole number of at least 1")
    if k < 1:
        raise ConfigError(f"k={k} cannot be used, expected at least 1")
    return min(int(k), MAX_COUNT)


def checked_dial(value: float, name: str) -> float:
    """Return a dial's value.

    Raises:
        ConfigError: It is not a number from 0 to 1.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ConfigError(f"{name}={shown(value)} cannot be used; expected a number from 0 to 1, such as 0.3")
    return float(value)


def _filtered(report: Mapping[str, Any]) -> str:
    """Return what to add to the message about an unknown id: it may have been in the data and filtered out."""
    config = report.get("config", {})
    filters = []
    if config.get("min_rating") is not None:
        filters.append(f"rating >= {config['min_rating']:g}")
    if (config.get("k_core") or 1) > 1:
        filters.append(f"the {config['k_core']}-core")
    return f" (the model was fitted to what {' and '.join(filters)} left of its data)" if filters else ""
