"""implicit: the npz file of its `AlternatingLeastSquares`."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix, save_npz

from llminit.export.content import DOT, Content
from llminit.export.tables import write_ids
from llminit.export.target import TARGETS, Target


@TARGETS.register
class Implicit(Target):
    """`model.npz` for `AlternatingLeastSquares.load`, `seen.npz` for scipy's `load_npz`, and the ids.

    Keep `recalculate_user=False` in `recommend`: a user whom implicit fits anew is one of its own model.
    """

    name: ClassVar[str] = "implicit"
    forms: ClassVar[tuple[str, ...]] = (DOT,)
    is_searched: ClassVar[bool] = False

    def write(self, content: Content, folder: Path) -> None:
        """Write the factors, what users have, and the ids."""
        np.savez(
            folder / "model.npz",
            allow_pickle=False,
            user_factors=content.users,
            item_factors=content.items,
            factors=np.array(content.width),
            dtype=np.array("float32"),
        )
        save_npz(folder / "seen.npz", csr_matrix(content.seen))
        write_ids(content, folder)
