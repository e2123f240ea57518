"""Static encoders of the model2vec package, fast without a GPU: `static:NAME_OR_PATH`."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.text.encoder import ENCODERS, Encoder, Identity, require_package
from llminit.text.models import Model, cannot_load, find_model

HUB_FILES = ["*.json", "*.safetensors", "README.md"]


class StaticOptions(Config):
    """The options of `static:NAME_OR_PATH`."""

    normalize: bool = True
    """Scale every vector to length 1."""
    max_length: int = Field(default=512, ge=1)
    """Tokens of a text that count; the rest is cut off."""
    batch_size: int = Field(default=1024, ge=1)
    """Texts that go through the model together."""
    revision: str | None = None
    """Branch, tag or commit of a model on the hub; None takes the local copy, or the newest."""


class StaticEncoder:
    """Runs a model2vec model, which is loaded when the first text is encoded."""

    def __init__(self, name_or_path: str, options: StaticOptions) -> None:
        """Create the encoder; `name_or_path` is a folder, or OWNER/NAME on the model hub."""
        self.name = f"static:{name_or_path}"
        self._location = name_or_path
        self._options = options

    @property
    def options(self) -> dict[str, Any]:
        """The options that it was opened with and that are not the defaults, as JSON values; secrets are left out."""
        return self._options.model_dump(mode="json", exclude_defaults=True, exclude={"api_key"})

    def identity(self) -> Identity:
        """Return the SPEC, the state of the model's files and the options that change the vectors."""
        options = self._options.model_dump(exclude={"batch_size", "revision"})
        return {"encoder": self.name, "state": self._model.state, **options}

    def load(self) -> None:
        """Load the model now, as a worker does before it says that it is ready.

        Raises:
            EmbeddingError: The model cannot be loaded.
            EndpointError: The model hub cannot be reached and there is no local copy.
        """
        self._static  # noqa: B018 - it is loaded when it is first asked for

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D); a text without any token that the model knows gives zeros.

        Raises:
            EmbeddingError: The model cannot be loaded or run.
            EndpointError: The model hub cannot be reached and there is no local copy.
        """
        if not len(texts):
            return np.zeros((0, self._static.dim), dtype=np.float32)
        values = self._static.encode(
            list(texts),
            show_progress_bar=False,
            max_length=self._options.max_length,
            batch_size=self._options.batch_size,
            use_multiprocessing=False,
        )
        return np.asarray(values, dtype=np.float32)

    @cached_property
    def _model(self) -> Model:
        return find_model(self._location, self._options.revision)

    @cached_property
    def _static(self) -> Any:
        from model2vec import StaticModel

        try:
            return StaticModel.from_pretrained(self._folder(), normalize=self._options.normalize)
        except Exception as error:
            raise cannot_load(self.name, error) from error

    def _folder(self) -> Path:
        if not self._model.on_hub:
            return Path(self._model.location)
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(self._location, revision=self._model.state, allow_patterns=HUB_FILES))


@ENCODERS.register(name="static")
def open_static(name_or_path: str, options: StaticOptions) -> Encoder:
    """Open any model2vec model, by its name on the model hub or its folder.

    Raises:
        MissingExtraError: model2vec is not installed.
    """
    require_package("model2vec", "the encoder static", "static")
    return StaticEncoder(name_or_path, options)
