"""`compare`: backbones x initialisations x seeds with baselines and controls, in one resumable run."""

from llminit.comparison.run import compare

__all__ = ["compare"]
