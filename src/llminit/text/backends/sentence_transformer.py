"""Encoders that the sentence-transformers package runs: `st:NAME_OR_PATH`."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.text.encoder import ENCODERS, Encoder, Identity, require_package
from llminit.text.models import Model, cannot_load, find_model

HUB_OWNER = "sentence-transformers"


class TransformerOptions(Config):
    """How a sentence-transformers model encodes."""

    batch_size: int = Field(default=32, ge=1)
    """Texts that go through the model together."""
    normalize: bool = True
    """Scale every vector to length 1."""
    truncate_dim: int | None = Field(default=None, ge=1)
    """Keep this many leading columns; for models trained so that these stand alone (Matryoshka)."""
    device: str | None = None
    """Where the model runs, such as cpu or cuda; None takes the best there is."""


class SentenceTransformerOptions(TransformerOptions):
    """The options of `st:NAME_OR_PATH`."""

    prompt: str | None = None
    """Put before every text, for models that expect an instruction."""
    prompt_name: str | None = None
    """Name of a prompt that the model itself holds."""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub; None takes the local copy, or the newest."""


class SentenceTransformerEncoder:
    """Runs a sentence-transformers model, which is loaded when the first text is encoded."""

    def __init__(self, name: str, location: str, options: TransformerOptions) -> None:
        """Create the encoder; the model is not loaded yet.

        Args:
            name: Its name, which is its SPEC.
            location: A folder, or OWNER/NAME on the model hub.
            options: The encoder's options.
        """
        self.name = name
        self._location = location
        self._options = options

    @property
    def options(self) -> dict[str, Any]:
        """The options that it was opened with and that are not the defaults, as JSON values; secrets are left out."""
        return self._options.model_dump(mode="json", exclude_defaults=True, exclude={"api_key"})

    def identity(self) -> Identity:
        """Return the SPEC, the state of the model's files and the options that change the vectors."""
        options = self._options.model_dump(exclude={"batch_size", "device", "revision"}, exclude_none=True)
        return {"encoder": self.name, "state": self._model.state, **options}

    def load(self) -> None:
        """Load the model now, as a worker does before it says that it is ready.

        Raises:
            EmbeddingError: The model cannot be loaded.
            EndpointError: The model hub cannot be reached and there is no local copy.
        """
        self._transformer  # noqa: B018 - it is loaded when it is first asked for

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D).

        Raises:
            EmbeddingError: The model cannot be loaded or run.
            EndpointError: The model hub cannot be reached and there is no local copy.
        """
        prompts = self._options.model_dump(include={"prompt", "prompt_name"}, exclude_none=True)
        transformer = self._transformer
        try:
            values = transformer.encode(
                list(texts),
                batch_size=self._options.batch_size,
                normalize_embeddings=self._options.normalize,
                show_progress_bar=False,
                convert_to_numpy=True,
                **prompts,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise cannot_load(self.name, error) from error
        return np.asarray(values, dtype=np.float32).reshape(len(texts), -1) if len(texts) else self._no_rows()

    def _no_rows(self) -> FloatArray:
        return np.zeros((0, len(self.encode(["-"])[0])), dtype=np.float32)

    @cached_property
    def _model(self) -> Model:
        return find_model(self._location, getattr(self._options, "revision", None))

    @cached_property
    def _transformer(self) -> Any:
        from sentence_transformers import SentenceTransformer

        model = self._model
        with _without_progress_bars():
            try:
                return SentenceTransformer(
                    model.location,
                    device=self._options.device,
                    truncate_dim=self._options.truncate_dim,
                    # The same commit as in identity(), even if the hub has a newer one by now.
                    revision=model.state if model.on_hub else None,
                    local_files_only=not model.on_hub,
                )
            except Exception as error:
                raise cannot_load(self.name, error) from error


@ENCODERS.register(name="st")
def open_sentence_transformer(name_or_path: str, options: SentenceTransformerOptions) -> Encoder:
    """Open any sentence-transformers model, by its name on the model hub or its folder.

    A name without an owner is a model of the sentence-transformers project.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        EmbeddingError: The folder does not exist.
    """
    require_package("sentence_transformers", "the encoder st", "text")
    location = _with_owner(name_or_path)
    return SentenceTransformerEncoder(f"st:{name_or_path}", location, options)


def _with_owner(name_or_path: str) -> str:
    plain = name_or_path.replace("-", "").replace(".", "").replace("_", "").isalnum()
    return f"{HUB_OWNER}/{name_or_path}" if plain and not Path(name_or_path).exists() else name_or_path


@contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Disable the progress bars of transformers while weights are loaded."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
