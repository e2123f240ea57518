"""Large arrays that are used again, because fresh memory costs more to map than to fill."""

import numpy as np

from llminit.arrays import FloatArray


class Workspace:
    """Lends float32 arrays by name; each loan of a name overwrites the one before."""

    def __init__(self) -> None:
        self._held: dict[str, FloatArray] = {}

    def rows(self, name: str, n_rows: int, width: int) -> FloatArray:
        """Return an uninitialised float32 array of shape (n_rows, width)."""
        held = self._held.get(name)
        if held is None or held.shape[1] != width or len(held) < n_rows:
            # Some room to grow, so that batches that differ a little share one array.
            held = self._held[name] = np.empty((n_rows + n_rows // 8, width), dtype=np.float32)
        return held[:n_rows]
