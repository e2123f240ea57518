"""L3AE in time: it also predicts each item of a short stretch of a history from the rest of that stretch.

L3AE (see `llminit.models.baselines.l3ae`) with more rows to learn from: beside each history X, the windows W of a few
interactions that follow each other, so that |X - XB|^2 becomes |X - XB|^2 + window_weight |W - WB|^2. It scores a
history as L3AE does. It fills the gaps of histories, as a random split asks for; for what comes next it was no better
than L3AE (benchmarks/order.py). Windows are an idea of session-based models (arXiv 2103.16104); here no session is
needed.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, vstack

from llminit.models.baseline import BaselineInput
from llminit.models.baselines.l3ae import L3AE
from llminit.models.registry import BASELINES
from llminit.models.windows import windows_of


@BASELINES.register
class L3AEWindows(L3AE):
    """L3AE that knows which interactions followed each other; without timestamps it is L3AE."""

    name: ClassVar[str] = "l3ae-windows"
    relative_cost: ClassVar[float] = 10
    learns_from_order: ClassVar[bool] = True
    grid: ClassVar[Mapping[str, Sequence[Any]]] = MappingProxyType(
        {"text_weight": (75.0, 150.0, 300.0), "l2": (-50.0, 100.0)}
    )

    window: int = Field(default=3, ge=2)
    """Interactions in a window."""
    window_weight: float = Field(default=0.5, ge=0)
    """How much a window counts beside a history; 0 leaves the windows out."""

    def histories(self, data: BaselineInput) -> csr_array:
        """Return the histories and, where the order is known, their windows."""
        if data.order is None or not self.window_weight:
            return data.train
        windows = windows_of(data.order, self.window) * np.float32(self.window_weight**0.5)
        return csr_array(vstack([data.train, windows], format="csr", dtype=np.float32))
