"""Composed selectors: "center|pca:96+svd:32" is stages that prepare the text, then parts that stand side by side.

Stages, separated by "|": `center` subtracts the mean, `unit` scales rows to length 1, `whiten` or `whiten:WIDTH`
whitens, `propagate` or `propagate:WEIGHT` adds a hop over the training graph. Parts, separated by "+": any selector as
NAME:WIDTH, and `svd:WIDTH`, the training graph's leading singular vectors. One part without a width takes the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llminit.arrays import FloatArray
from llminit.config import SVD
from llminit.errors import ConfigError
from llminit.selectors.graph import graph_spectrum, propagated, training_graph
from llminit.selectors.selection import FULL, Selection, SelectorInput, row_norm

Selector = Callable[..., Selection]
Lookup = Callable[[str], Selector]
"""Returns the registered selector of a name."""

_STAGES: dict[str, type | None] = {"center": None, "propagate": float, "unit": None, "whiten": int}
"""The stages, and the type of the number that may follow after a colon."""


@dataclass(frozen=True)
class Composition:
    """A composed selector's name, taken apart.

    Attributes:
        name: The whole name.
        stages: What prepares the text, in order; the number is None where none is written.
        parts: What stands side by side, each a selector or `svd` and its width; None takes the rest.
    """

    name: str
    stages: tuple[tuple[str, Any], ...]
    parts: tuple[tuple[str, int | None], ...]

    @property
    def selectors(self) -> list[str]:
        """The registered selectors among the parts."""
        return [part for part, _ in self.parts if part != SVD]

    def widths(self, embedding_size: int) -> list[int]:
        """Return the width of each part.

        Raises:
            ConfigError: They do not add up to the embedding size.
        """
        total = sum(width or 0 for _, width in self.parts)
        rest = embedding_size - total
        is_open = any(width is None for _, width in self.parts)
        if rest < is_open or (rest and not is_open):
            expected = f"less than {embedding_size}, with a part that takes the rest" if is_open else embedding_size
            raise ConfigError(
                f"the widths in {self.name!r} add up to {total}, expected {expected}; change a width or "
                f"embedding_size={embedding_size}, or leave one width out: that part takes the rest"
            )
        return [rest if width is None else width for _, width in self.parts]

    def text_width(self, embedding_size: int) -> int:
        """Return how many columns the text embeddings need to have."""
        widths = zip(self.parts, self.widths(embedding_size), strict=True)
        return max((width for (part, _), width in widths if part != SVD), default=0)


def is_composed(name: str) -> bool:
    """Return whether a name has the marks of a composition."""
    return any(mark in name for mark in "|+:")


def parse_composition(name: str) -> Composition:
    """Take the name of a composed selector apart; whether its selectors exist is not looked up.

    Raises:
        ConfigError: A stage is unknown, a number cannot be read, or more than one part has no width.
    """
    *stages, parts = name.split("|")
    composition = Composition(
        name, tuple(_stage(name, text) for text in stages), tuple(_part(name, text) for text in parts.split("+"))
    )
    n_open = sum(width is None for _, width in composition.parts)
    if n_open > 1:
        raise ConfigError(f"{n_open} parts of {name!r} have no width, expected at most one; write PART:WIDTH")
    return composition


def fit_composition(composition: Composition, data: SelectorInput, lookup: Lookup) -> Selection:
    """Fit a composed selector.

    Args:
        composition: What to fit.
        data: Its input.
        lookup: Returns the registered selector of a name.

    Raises:
        ConfigError: The widths do not add up.
        EmbeddingError: The text embeddings or the training graph do not have as many directions.
    """
    widths = composition.widths(data.embedding_size)
    before = []
    for stage, number in composition.stages:
        before.append(_fitted_stage(stage, number, data, lookup))
        data = replace(data, text_embeddings=_own_rows(before[-1], data))
    of_text = {}
    for index, ((name, _), width) in enumerate(zip(composition.parts, widths, strict=True)):
        if name != SVD:
            narrowed = replace(data, embedding_size=width)
            narrowed.check_width()
            of_text[index] = lookup(name)(narrowed)
    entry_size = _entry_size([_own_rows(part, data) for part in of_text.values()], data)
    parts = [
        of_text[index] if index in of_text else _graph_part(data, width, entry_size)
        for index, width in enumerate(widths)
    ]
    rows = np.concatenate([_own_rows(part, data) for part in parts], axis=1)
    return Selection(before=_without_rows(before), parts=_without_rows(parts), rows=rows)


def _fitted_stage(stage: str, number: Any, data: SelectorInput, lookup: Lookup) -> Selection:
    if stage == "center":
        return Selection(centre=data.text_embeddings.mean(axis=0, dtype=np.float64).astype(np.float32))
    if stage == "unit":
        return Selection(unit=True)
    if stage == "propagate":
        # The map of later items, which have no interactions, changes nothing.
        return Selection(rows=propagated(data, 1.0 if number is None else number))
    widest = min(data.width, len(data.text_embeddings) - 1)
    narrowed = replace(data, embedding_size=widest if number is None else number)
    narrowed.check_width()
    return lookup("whiten")(narrowed)


def _graph_part(data: SelectorInput, width: int, entry_size: float) -> Selection:
    """Return the graph's spectrum, its entries of a root mean square as asked; later items get zeros."""
    spectrum = graph_spectrum(training_graph(data), width, data.rng)
    rows = spectrum * (entry_size / np.sqrt(np.square(spectrum).mean()))
    return Selection(matrix=np.zeros((data.width, width), dtype=np.float32), rows=rows.astype(np.float32))


def _entry_size(text_rows: list[FloatArray], data: SelectorInput) -> float:
    """Return the root mean square of the entries of the text's part; without one, of rows as long as the text's."""
    rows = np.concatenate(text_rows, axis=1) if text_rows else data.text_embeddings
    width = rows.shape[1] if text_rows else data.embedding_size
    return row_norm(rows) / float(np.sqrt(width))


def _own_rows(selection: Selection, data: SelectorInput) -> FloatArray:
    return selection.apply(data.text_embeddings) if selection.rows is None else selection.rows


def _without_rows(selections: list[Selection]) -> tuple[Selection, ...]:
    return tuple(replace(selection, rows=None) for selection in selections)


def _stage(name: str, text: str) -> tuple[str, Any]:
    stage, colon, number = text.strip().partition(":")
    kind = _STAGES.get(stage)
    if stage not in _STAGES or (colon and kind is None):
        raise ConfigError(
            f"unknown stage {text!r} in {name!r}; choose one of: center, propagate, propagate:WEIGHT, unit, whiten, "
            "whiten:WIDTH"
        )
    return stage, _number(name, text, number, kind or float) if colon else None


def _part(name: str, text: str) -> tuple[str, int | None]:
    part, colon, width = text.strip().partition(":")
    if part == FULL:
        raise ConfigError(f"{FULL!r} in {name!r} keeps all columns and takes no width; leave it out, or use it alone")
    return part, _number(name, text, width, int) if colon else None


def _number(name: str, text: str, number: str, kind: type) -> Any:
    try:
        value = kind(number)
    except ValueError:
        value = -1
    if not (value > 0 and np.isfinite(value)):
        what = "whole number above 0" if kind is int else "number above 0"
        raise ConfigError(f"{text!r} in {name!r} has {number!r} after its colon, expected a {what}; such as pca:96")
    return value
