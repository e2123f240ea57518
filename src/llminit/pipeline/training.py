"""Initial embeddings and a trained backbone, for one part of the data."""

from llminit.arrays import FloatArray
from llminit.config import SVD, XAVIER, FitConfig
from llminit.data import HeldOut
from llminit.distributed.checkpoint import adopted, sharded_folder
from llminit.distributed.ranks import Ranks
from llminit.evaluation import factor_scorer
from llminit.graph import normalized_adjacency
from llminit.initialization import InitialEmbeddings, initial_embeddings, svd_embeddings, xavier_embeddings
from llminit.models import BACKBONES
from llminit.pipeline.validation import validation_metric
from llminit.progress import SILENT, Reporter
from llminit.text import TextEmbeddings
from llminit.training import AfterEpoch, CheckpointFile, TrainingResult, train


def initial_from(held_out: HeldOut, text: TextEmbeddings | None, config: FitConfig) -> InitialEmbeddings:
    """Make the initial embeddings that a configuration asks for.

    Args:
        held_out: The data; only its training interactions play a part.
        text: Text embeddings, one row an item; not needed for xavier and svd.
        config: The options.
    """
    users, items = held_out.dataset.users.ids, held_out.dataset.items.ids
    if config.init == SVD:
        return svd_embeddings(users, items, held_out.train, config.embedding_size, config.seed)
    if config.init == XAVIER or text is None:
        return xavier_embeddings(users, items, config.embedding_size, config.seed)
    return initial_embeddings(
        users,
        text,
        held_out.train,
        select=config.init,
        embedding_size=config.embedding_size,
        seed=config.seed,
        options=config.init_options,
    )


def train_backbone(
    held_out: HeldOut,
    initial: InitialEmbeddings,
    config: FitConfig,
    *,
    device: str = "cpu",
    checkpoint: CheckpointFile | None = None,
    reporter: Reporter = SILENT,
    after_epoch: AfterEpoch | None = None,
    ranks: Ranks | None = None,
) -> TrainingResult:
    """Train the backbone from given initial embeddings, watching the validation interactions.

    Args:
        held_out: The data.
        initial: Where training starts.
        config: The options; those of the initial embeddings play no part.
        device: A torch device.
        checkpoint: Where to keep the state.
        reporter: Receives progress.
        after_epoch: Hears of every epoch; what it raises ends the training. Not over ranks.
        ranks: The processes that train together; None trains in this one.
    """
    dataset, train_part = held_out.dataset, held_out.split.train
    adjacency = normalized_adjacency(train_part.users, train_part.items, dataset.n_users, dataset.n_items)
    kind = BACKBONES[config.backbone]
    backbone = kind(initial.users, initial.items, adjacency, kind.options_type.make(**config.backbone_options))

    measure = validation_metric(held_out, config)

    def validate(users: FloatArray, items: FloatArray) -> float:
        return measure(factor_scorer(users, items))

    watch = validate if len(held_out.split.valid) else None
    if ranks is not None:
        from llminit.distributed.job import train_over_ranks

        return train_over_ranks(
            ranks, backbone, config.training, watch, seed=config.seed, checkpoint=checkpoint, reporter=reporter
        )
    if checkpoint is not None and sharded_folder(checkpoint.path).exists():
        from llminit.distributed.kinds import layout_for

        layout = layout_for(kind, dataset.n_users, dataset.n_items, backbone.embeddings.shape[1])
        adopted(checkpoint, layout, reporter)
    return train(
        backbone,
        config.training,
        watch,
        seed=config.seed,
        device=device,
        checkpoint=checkpoint,
        reporter=reporter,
        after_epoch=after_epoch,
    )
