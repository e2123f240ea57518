"""`fit` in a process that a launcher started as one of several ranks."""

from typing import Any

from llminit.config import FitConfig
from llminit.distributed.agreement import check_agreement
from llminit.distributed.batches import Negatives
from llminit.distributed.job import follow, release
from llminit.distributed.joining import DEFAULT_TIMEOUT, joined
from llminit.distributed.ranks import Ranks
from llminit.pipeline.fit import fit
from llminit.pipeline.over_ranks import facts_of
from llminit.pipeline.parts import named_parts
from llminit.progress import Reporter
from llminit.recommender import Recommender
from llminit.text import HERE, Engine


def fit_over_ranks(
    interactions: Any,
    items: Any = None,
    *,
    negatives: Negatives = "rank",
    timeout: float = DEFAULT_TIMEOUT,
    device: str = "cpu",
    config: FitConfig | None = None,
    reporter: Reporter | None = None,
    embeddings: Any = None,
    encoder: Any = None,
    cache: Any = None,
    engine: Engine | str = HERE,
    out: Any = None,
    overwrite: bool = False,
    checkpoint_seconds: float = 20.0,
    **options: Any,
) -> Recommender | None:
    """Do what `fit` does, the training shared by all ranks; every rank makes the same call.

    Rank 0 reads the data, encodes the texts, measures and saves; the others train with it, and need neither the data
    nor the texts. They hold the interactions, and their part of the table.

    Args:
        interactions: As for `fit`, and so are all that are not here.
        items: As for `fit`.
        negatives: What a pair's item is compared with by the softmax: the items of its rank's part of the batch
            (`rank`), or of the whole batch (`shared`), which is what one process does.
        timeout: Seconds after which a rank that does not take part counts as gone.
        device: cpu or cuda.
        config: All options at once, instead of `options`.
        reporter: Receives progress, on rank 0 alone.
        embeddings: As for `fit`.
        encoder: As for `fit`.
        cache: As for `fit`.
        engine: As for `fit`; of rank 0.
        out: As for `fit`; of several machines, all must see the folder that it is in, for the checkpoints.
        overwrite: As for `fit`.
        checkpoint_seconds: As for `fit`.
        options: Fields of `FitConfig`.

    Returns:
        The recommender on rank 0, None on the others.

    Raises:
        RanksError: Ranks disagree in data, options or version, or one of them is gone.
        InputError: Something given cannot be used; the message says what to do.
        StorageError: `out` cannot be written, or another fit is running there.
    """
    config = FitConfig.from_options(config, named_parts(options))
    with joined(device, timeout) as group:
        check_agreement(group, facts_of(config, negatives, device, interactions=interactions, items=items))
        if not group.is_first:
            follow(group)
            return None
        recommender = fit(
            interactions,
            items,
            embeddings=embeddings,
            encoder=encoder,
            cache=cache,
            engine=engine,
            out=out,
            overwrite=overwrite,
            device=device,
            config=config,
            reporter=reporter,
            checkpoint_seconds=checkpoint_seconds,
            ranks=Ranks(group, negatives),
        )
        release(group)
        return recommender
