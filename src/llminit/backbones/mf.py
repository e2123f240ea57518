"""Matrix factorisation trained by Bayesian personalised ranking (BPR-MF, arXiv 1205.2618)."""

from typing import ClassVar

from llminit.backbones.bpr import BPRBackbone


class MatrixFactorization(BPRBackbone):
    """Users and items are their embeddings; nothing is propagated."""

    name: ClassVar[str] = "mf"
