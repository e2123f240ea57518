"""The registered selectors: functions of a `SelectorInput` and keyword options that return a `Selection`."""

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import create_model

from llminit.config import Config
from llminit.errors import ConfigError
from llminit.registry import Entry, Registry
from llminit.selectors.selection import Selection

Selector = Callable[..., Selection]


def describe_selector(part: Any, name: str | None) -> Entry[Selector]:
    """Return the registry's entry of a selector; its options are its keyword-only parameters.

    Raises:
        ConfigError: The function does not keep the contract; the message says what to write.
    """
    key = name or getattr(part, "__name__", None)
    if not callable(part) or key is None:
        raise ConfigError(
            f"{part!r} is not a selector; expected a function of a SelectorInput that returns a Selection"
        )
    parameters = list(inspect.signature(part, eval_str=True).parameters.values())
    if not parameters or parameters[0].kind not in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD):
        raise ConfigError(f"the selector {key!r} takes no SelectorInput; write def {key}(data: SelectorInput, ...)")
    fields: dict[str, Any] = {option.name: _field(key, option) for option in parameters[1:]}
    options_type: type[Config] = create_model(f"selector {key}", __base__=Config, **fields)
    return Entry(key, part, options_type, key)


def _field(selector: str, option: inspect.Parameter) -> tuple[Any, Any]:
    if option.kind is not option.KEYWORD_ONLY:
        raise ConfigError(
            f"the option {option.name!r} of the selector {selector!r} is not keyword-only; write a * before it"
        )
    if option.annotation is option.empty or option.default is option.empty:
        lacks = "type" if option.annotation is option.empty else "default"
        raise ConfigError(
            f"the option {option.name!r} of the selector {selector!r} has no {lacks}; write both, such as "
            f"{option.name}: float = 1.0"
        )
    return option.annotation, option.default


SELECTORS: Registry[Selector] = Registry("selector", "llminit.selectors", describe_selector)
"""Functions that fit maps from text embeddings to item embeddings."""
