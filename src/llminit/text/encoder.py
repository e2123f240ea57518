"""The encoder protocol, and opening an encoder by its SPEC, such as `minilm` or `st:NAME_OR_PATH`.

Each file in `llminit.text.backends` registers its encoder with `ENCODERS.register`; a new one is a new file there, or a
function in another package. Any other object with the methods of `Encoder` can be passed wherever an encoder is
expected.
"""

import importlib.util
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from llminit.arrays import FloatArray
from llminit.config import Config
from llminit.errors import ConfigError, MissingExtraError
from llminit.registry import Entry, Registry, check_defaults

Identity = dict[str, str | int | float | bool]


@runtime_checkable
class Encoder(Protocol):
    """Turns item texts into text embeddings."""

    @property
    def name(self) -> str:
        """Name for people; shown with progress and in messages."""

    def identity(self) -> Identity:
        """Return everything that changes the vectors: model, revision and options, but not batch size or device.

        The cache is keyed by it, so two encoders with the same identity must give the same vectors.
        """

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D), finite, row i for text i, with the same D at every call."""


OpenEncoder = Callable[..., Encoder]


class NoOptions(Config):
    """The options of an encoder that has none."""


def describe_encoder(part: Any, name: str | None) -> Entry[OpenEncoder]:
    """Return the registry's entry of a function or class that opens an encoder.

    It may take a text, which is what follows the colon of a SPEC, and `options`, a `Config`:
    open_hash(), open_hash(options: HashOptions), open_hash(model: str, options: HashOptions).

    Raises:
        ConfigError: It breaks this contract; the message says what to write.
    """
    if not callable(part):
        raise ConfigError(f"{part!r} opens no encoder; expected a function that returns one, or an encoder's class")
    label = f"{part.__module__}:{part.__qualname__}"
    missing = [method for method in ("identity", "encode") if isinstance(part, type) and not hasattr(part, method)]
    if missing:
        raise ConfigError(f"the encoder {label} does not define {' and '.join(missing)}; write it, see Encoder")
    encoder_name = name or vars(part).get("name") or (None if isinstance(part, type) else part.__name__)
    if not isinstance(encoder_name, str):
        raise ConfigError(f'the encoder {label} has no name; register it with ENCODERS.register(name="...")')
    model_parameter, options_type = _parameters(part, label)
    check_defaults(options_type, part, "encoder")
    form = f"{encoder_name}:{model_parameter.upper()}" if model_parameter else encoder_name
    return Entry(encoder_name, part, options_type, form)


def _parameters(part: Any, label: str) -> tuple[str | None, type[Config]]:
    """Return the name of the parameter that takes what follows the colon, if there is one, and the options."""
    model_parameter: str | None = None
    options_type: type[Config] = NoOptions
    for parameter in inspect.signature(part, eval_str=True).parameters.values():
        if parameter.annotation is str and model_parameter is None:
            model_parameter = parameter.name
        elif isinstance(parameter.annotation, type) and issubclass(parameter.annotation, Config):
            options_type = parameter.annotation
        elif parameter.default is parameter.empty:
            raise ConfigError(
                f"the parameter {parameter.name!r} of the encoder {label} is neither a text (str) nor a Config of "
                "options; give it one of these types, or a default"
            )
    return model_parameter, options_type


ENCODERS: Registry[OpenEncoder] = Registry("encoder", "llminit.text.backends", describe_encoder)
"""Functions and classes that open encoders, by the part of a SPEC before the colon."""


def open_encoder(spec: str, **options: Any) -> Encoder:
    """Open an encoder by its SPEC.

    Opening is quick: the model is loaded when the first text is encoded, so a run that finds everything in the cache
    loads no model.

    Args:
        spec: `minilm`, `st:NAME_OR_PATH`, `static:NAME_OR_PATH` or `openai:MODEL`.
        options: The encoder's own options, such as `batch_size`; see its configuration class.

    Raises:
        ConfigError: The SPEC or an option is unknown.
        MissingExtraError: The package that the encoder needs is not installed.
        EmbeddingError: The model does not exist.
    """
    kind, _, model = spec.partition(":")
    if kind not in ENCODERS:
        forms = ", ".join(entry.form for entry in ENCODERS.entries())
        raise ConfigError(f"unknown encoder {spec!r}; choose one of: {forms}")
    entry = ENCODERS.entry(kind)
    if (":" in entry.form) != bool(model.strip()):
        raise ConfigError(f"encoder {spec!r} does not have the right form; expected {entry.form}")
    checked = [entry.options_type.make(**options)]
    return entry.part(*([model] if model else []), *([] if entry.options_type is NoOptions else checked))


def require_package(package: str, what: str, extra: str) -> None:
    """Check, without importing it, that a package is installed.

    Raises:
        MissingExtraError: It is not installed; the message names the pip command for `extra`.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(what, extra)
