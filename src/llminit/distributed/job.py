"""A training that rank 0 starts on all ranks: it tells the others what to train and hands out data and first rows.

The other ranks need neither the data nor the texts: `follow` waits for what rank 0 has to train, as long as that takes.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from llminit.arrays import IntArray
from llminit.config import TrainingConfig
from llminit.distributed.checkpoint import ShardedCheckpoint, sharded_folder
from llminit.distributed.columns import by_columns
from llminit.distributed.group import Group
from llminit.distributed.kinds import check_kind, is_by_rows, layout_for
from llminit.distributed.ranks import Ranks
from llminit.distributed.steps import sharded_steps
from llminit.distributed.table import ShardedTable
from llminit.distributed.watch import SharedWatch, Watch
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models import BACKBONES
from llminit.models.backbone import Backbone
from llminit.progress import SILENT, Reporter
from llminit.training import CheckpointFile, TrainingResult, train
from llminit.training.step import steps_of

_TRAIN, _END = "train", "end"


def train_over_ranks(
    ranks: Ranks,
    backbone: Backbone,
    config: TrainingConfig,
    validate: Watch | None = None,
    *,
    seed: int = 0,
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
) -> TrainingResult:
    """Train a backbone of rank 0 on all ranks; the others `follow`.

    Args:
        ranks: Where it runs.
        backbone: The whole backbone; its rows become those of the best epoch.
        config: How to train; a batch is that of all ranks together.
        validate: As for `train`; called on rank 0 alone.
        seed: As for `train`.
        checkpoint: Names the folder of the sharded checkpoint: the same path with the ending `.shards`.
        reporter: Receives progress.

    Raises:
        ConfigError: The backbone is not trained over ranks; or as for `train`.
        RanksError: A rank is gone.
        StorageError: The checkpoint cannot be written.
    """
    group, adjacency = ranks.group, backbone.adjacency
    width = backbone.embeddings.shape[1]
    check_kind(type(backbone), backbone.options, width=width, n_ranks=group.size)
    job = {
        "do": _TRAIN,
        "backbone": backbone.name,
        "options": backbone.options.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "sizes": [adjacency.n_users, adjacency.n_items, width],
        "seed": seed,
        "negatives": ranks.negatives,
        "validates": validate is not None,
        "checkpoint": None if checkpoint is None else _checkpoint_of(checkpoint),
    }
    group.from_first(lambda: job)
    users, items = adjacency.edges
    for codes in (users, items):
        group.array_from_first(codes)
    return _trained(group, job, adjacency, backbone, validate, reporter)


def follow(group: Group) -> None:
    """Train, on another rank than 0, what rank 0 starts, until it has nothing more to train.

    Raises:
        ConfigError: The loss is no longer finite.
        RanksError: A rank is gone.
        StorageError: The checkpoint cannot be written.
    """
    while True:
        group.vitals.doing = "waiting for rank 0"
        job = group.from_first(dict)
        if job["do"] == _END:
            return
        n_users, n_items, _ = job["sizes"]
        users, items = (_codes(group) for _ in range(2))
        _trained(group, job, normalized_adjacency(users, items, n_users, n_items), None, None, SILENT)


def release(group: Group) -> None:
    """Tell the ranks that `follow` that there is nothing more to train; called on rank 0."""
    group.from_first(lambda: {"do": _END})


def _codes(group: Group) -> IntArray:
    codes: IntArray = group.array_from_first(None).astype(np.int64)
    return codes


def _checkpoint_of(checkpoint: CheckpointFile) -> dict[str, Any]:
    folder = str(sharded_folder(checkpoint.path).absolute())
    return {"folder": folder, "fingerprint": checkpoint.fingerprint, "every_seconds": checkpoint.every_seconds}


def _trained(
    group: Group,
    job: dict[str, Any],
    adjacency: Adjacency,
    whole: Backbone | None,
    validate: Watch | None,
    reporter: Reporter,
) -> TrainingResult:
    """Train this rank's part; `whole` and `validate` are rank 0's."""
    kind = BACKBONES[job["backbone"]] if whole is None else type(whole)
    options, config = kind.options_type.make(**job["options"]), TrainingConfig.make(**job["config"])
    width, by_rows = job["sizes"][2], is_by_rows(kind)
    part: Backbone
    if by_rows:
        part = ShardedTable(group, kind, options, adjacency, width, whole)
    else:
        rows = None if whole is None else whole.embeddings.detach()
        part = by_columns(group, kind, options, adjacency, width, rows)
    layout = layout_for(kind, adjacency.n_users, adjacency.n_items, width)
    checkpoint = None
    if job["checkpoint"] is not None:
        where = job["checkpoint"]
        folder, fingerprint, every_seconds = Path(where["folder"]), where["fingerprint"], where["every_seconds"]
        checkpoint = ShardedCheckpoint(folder, fingerprint, group, layout, every_seconds)
    result = train(
        part,
        config,
        SharedWatch(group, validate or _never) if job["validates"] else None,
        seed=job["seed"],
        device=str(group.device),
        checkpoint=checkpoint,
        reporter=reporter,
        make_steps=sharded_steps(job["negatives"]) if by_rows else steps_of,
    )
    if whole is not None and result.rows is not None:
        whole.embeddings.data.copy_(torch.from_numpy(result.rows))
    return replace(result, n_parameters=layout.shape[0] * width)


def _never(users: Any, items: Any) -> float:
    """Stand for the metric on ranks that do not measure."""
    raise NotImplementedError
