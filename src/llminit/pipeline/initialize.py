"""`initialize`: initial embeddings for a trainer of the caller's own."""

from pathlib import Path
from typing import Any

from llminit.config import InitializeConfig
from llminit.data import to_csr
from llminit.initialization import InitialEmbeddings, initial_embeddings
from llminit.pipeline.inputs import load_dataset, load_text, note_unused_text
from llminit.pipeline.parts import named_parts
from llminit.progress import Reporter
from llminit.reporters import automatic_reporter
from llminit.selectors import check_selection
from llminit.text import HERE, Engine


def initialize(
    interactions: Any,
    items: Any = None,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    cache: str | Path | None = None,
    engine: Engine | str = HERE,
    config: InitializeConfig | None = None,
    reporter: Reporter | None = None,
    **options: Any,
) -> InitialEmbeddings:
    """Make initial embeddings for a trainer of your own.

    All interactions given count as training interactions: leave out what you will test on.

    Args:
        interactions: A path or a pandas, polars or Arrow table.
        items: The same, for the item table; not needed where `embeddings` are given.
        embeddings: Text embeddings: a path, or a pair of ids and an array of shape (n, D).
        encoder: An encoder's SPEC or an object with its methods, for the texts of `items`; by default `minilm`.
        cache: Folder where encoded texts are kept.
        engine: What encodes: an `Engine`, or the name of one: local, ray.
        config: All options at once, instead of `options`.
        reporter: Receives progress; by default bars in a terminal or notebook, and elsewhere the logger `llminit`.
        options: Fields of `InitializeConfig`, such as `select="variance"`, `embedding_size=64`.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
    """
    reporter = automatic_reporter(reporter)
    config = InitializeConfig.from_options(config, named_parts(options))
    check_selection(config.select, config.select_options, config.embedding_size)
    dataset = load_dataset(interactions, items, config, reporter)
    note_unused_text(embeddings, encoder, config.text, reporter)
    text = load_text(
        dataset,
        embeddings=embeddings,
        encoder=encoder,
        template=config.text,
        cache=cache,
        engine=engine,
        reporter=reporter,
    )
    return initial_embeddings(
        dataset.users.ids,
        text,
        to_csr(dataset.interactions, dataset.n_users, dataset.n_items),
        select=config.select,
        embedding_size=config.embedding_size,
        seed=config.seed,
        options=config.select_options,
    )
