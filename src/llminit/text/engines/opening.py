"""Opening an encoder in another process, where it must be the same one."""

from importlib import import_module
from typing import Any

from llminit.errors import ConfigError, EmbeddingError
from llminit.text.cache import section_name
from llminit.text.encoder import ENCODERS, Encoder, open_encoder

Opening = dict[str, Any]
"""`spec`, `options`, and `source`: MODULE:NAME of what registers the encoder, if it is not found by its name."""


def opening_of(encoder: Encoder) -> Opening:
    """Return how another process opens an encoder.

    Raises:
        ConfigError: It cannot.
    """
    kind = encoder.name.partition(":")[0]
    source = ENCODERS.foreign_source(kind) if kind in ENCODERS else "<unknown>"
    if source is not None and ("<" in source or source.startswith("__main__:")):
        raise ConfigError(
            f"the encoder {encoder.name!r} cannot be opened by other processes, expected a registered one that is at "
            "the top of a module; move it there and register it with ENCODERS.register, or encode with one worker"
        )
    return {"spec": encoder.name, "options": dict(getattr(encoder, "options", {})), "source": source}


def opened(opening: Opening, folder_name: str) -> Encoder:
    """Open an encoder with its model loaded, and check that it is the one whose vectors are in a folder of this name.

    Raises:
        EmbeddingError: It is another one.
        LLMInitError: It cannot be opened.
    """
    if opening["source"] is not None:
        module, _, name = opening["source"].partition(":")
        ENCODERS.register(getattr(import_module(module), name), name=opening["spec"].partition(":")[0])
    encoder = open_encoder(opening["spec"], **opening["options"])
    found = section_name(encoder.identity())
    if found != folder_name:
        raise EmbeddingError(
            f"a worker opened {opening['spec']!r} and found another encoder ({found} instead of {folder_name}); give "
            "every machine the same files of the model and the same versions"
        )
    if hasattr(encoder, "load"):
        encoder.load()
    return encoder
