"""Training a backbone: negative sampling, early stopping and checkpoints that resume."""

from llminit.training.checkpoint import CheckpointFile
from llminit.training.replay import ReplaySampler
from llminit.training.sampler import TripleSampler
from llminit.training.state import EpochRecord
from llminit.training.trainer import AfterEpoch, TrainingResult, checked_device, train

__all__ = [
    "AfterEpoch",
    "CheckpointFile",
    "EpochRecord",
    "ReplaySampler",
    "TrainingResult",
    "TripleSampler",
    "checked_device",
    "train",
]
