"""Matrix factorisation trained by Bayesian personalised ranking (BPR-MF, arXiv 1205.2618)."""

from typing import ClassVar

from llminit.models.bpr import BPRBackbone
from llminit.models.registry import BACKBONES


@BACKBONES.register
class MatrixFactorization(BPRBackbone):
    """Scores by the dot product of the trained embeddings; nothing is propagated."""

    name: ClassVar[str] = "mf"
    relative_cost: ClassVar[float] = 10
