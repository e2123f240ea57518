"""Means and covariances of a Ray data set: each block of rows on the worker that has it, merged at the end."""

from typing import Any

import numpy as np

from llminit.errors import EmbeddingError, MissingExtraError
from llminit.selectors.moments import Moments, merged


def ray_moments(dataset: Any, column: str = "embedding") -> Moments:
    """Return the moments of a column of vectors of a `ray.data.Dataset`, in one pass.

    Args:
        dataset: The data set, such as `ray.data.read_parquet(FOLDER)`.
        column: Name of the column of vectors, all of one width.

    Raises:
        MissingExtraError: Ray is not installed.
        EmbeddingError: There are no rows.
    """
    try:
        import ray.data  # noqa: F401 - `dataset` is of it
    except ImportError as error:
        raise MissingExtraError("statistics on Ray", "ray", ("ray",)) from error

    def partial_moments(batch: dict[str, Any]) -> dict[str, Any]:
        found = Moments.of(np.stack(list(batch[column])))
        return {"count": [found.count], "mean": [found.mean], "scatter": [found.scatter.reshape(-1)]}

    rows = dataset.map_batches(partial_moments, batch_format="numpy").take_all()
    if not rows:
        raise EmbeddingError("the data set has no rows, expected one per item; encode the items again")
    width = len(rows[0]["mean"])
    return merged(
        Moments(int(row["count"]), np.asarray(row["mean"]), np.asarray(row["scatter"]).reshape(width, width))
        for row in rows
    )
