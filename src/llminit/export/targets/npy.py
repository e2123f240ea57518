"""numpy: arrays, and their ids beside them."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from llminit.arrays import AnyArray
from llminit.errors import ConfigError, listed
from llminit.export.content import Content
from llminit.export.target import TARGETS, Target
from llminit.storage import write_npy


@TARGETS.register
class Npy(Target):
    """`users.npy` and `items.npy`, float32; `users_ids.npy` and `items_ids.npy`. All load without pickle."""

    name: ClassVar[str] = "npy"

    def write(self, content: Content, folder: Path) -> None:
        """Write four arrays."""
        write_npy(folder / "users.npy", content.users)
        write_npy(folder / "items.npy", content.items)
        write_npy(folder / "users_ids.npy", _array(content.user_ids))
        write_npy(folder / "items_ids.npy", _array(content.item_ids))


def _array(ids: pl.Series) -> AnyArray:
    """Return ids as an array that needs no pickle.

    Raises:
        ConfigError: An id ends in a null character, which numpy takes for padding.
    """
    if ids.dtype != pl.String:
        return ids.to_numpy()
    cut = ids.filter(ids.str.ends_with("\0"))
    if len(cut):
        raise ConfigError(
            f"the id {listed(cut[:1])} ends in a null character, which an array of numpy cannot hold; export to "
            "'parquet', or rename it and fit again"
        )
    return np.array(ids.to_list(), dtype=np.str_)
