"""The key of a cell: the method that was trained and measured, and its seed."""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from llminit.checksums import sha256_of
from llminit.config import ColdKind, Config

Kind = Literal["backbone", "baseline", "control"]

HeldOutShares = tuple[float | None, ColdKind, float | None]
"""The share of the items that was held out, which items, and the share of the users."""

CONTROLS = ("shuffled", "noise", "untrained")
"""The names after the slash of a control's `init`, such as "variance/shuffled"."""

MAX_NAME_LENGTH = 170
"""The last name of an output may have 200 bytes (`llminit.out_paths`); endings are added to that of a cell."""

_UNSAFE = re.compile(r"[^a-z0-9.+-]+")


class Method(Config):
    """A cell without its seed: what a comparison compares."""

    model: str
    """A backbone ("lightgcn") or a baseline ("ease")."""
    init: str | None = None
    """Initial embeddings: "xavier", a selector, or a selector and a control ("variance/shuffled"); None: a baseline."""
    encoder: str | None = None
    """Label of the text embeddings; None where no text is used."""
    embedding_size: int | None = Field(default=None, ge=1)
    """Dimensions of the embeddings; None for a baseline."""
    train_share: float = Field(default=1.0, gt=0, le=1)
    """The share of the training interactions that was kept."""
    max_history: int | None = Field(default=None, ge=1)
    """The most training interactions that a user kept; None: all."""

    @property
    def kind(self) -> Kind:
        """Whether this is a backbone, a control of one, or a baseline."""
        if self.init is None:
            return "baseline"
        return "control" if self.control else "backbone"

    @property
    def control(self) -> str | None:
        """The control ("shuffled", "noise", "untrained"), or None."""
        return (self.init or "").partition("/")[2] or None

    @property
    def selector(self) -> str | None:
        """`init` without its control: "xavier" or a selector's name; None for a baseline."""
        return None if self.init is None else self.init.partition("/")[0]

    @property
    def label(self) -> str:
        """A short name for people, such as "lightgcn + variance" or "ease"; see `distinct_labels`."""
        return self.model if self.init is None else f"{self.model} + {self.init}"

    @property
    def sparsity(self) -> str:
        """How much of the training data was kept, safe in a file name; empty where all was."""
        share = "" if self.train_share == 1 else f"_share-{self.train_share:g}"
        return share + ("" if self.max_history is None else f"_history-{self.max_history}")

    @property
    def name(self) -> str:
        """A unique name that is safe in a file name."""
        parts = [_slug(self.model)]
        parts += [] if self.init is None else [_slug(self.init.replace("/", "."))]
        parts += [] if self.encoder is None else [_slug(self.encoder)]
        parts += [] if self.embedding_size is None else [f"d{self.embedding_size}"]
        return _shortened("_".join(parts) + self.sparsity)


FULL = "full"
"""The selector that keeps all columns; its embedding size is the width of the encoder."""


class CellKey(Method):
    """A method with its seed."""

    seed: int = Field(default=0, ge=0)
    """Of the split and of the training."""

    @property
    def method(self) -> Method:
        """The key without the seed."""
        return Method(**self.model_dump(include=set(Method.model_fields)))

    @property
    def split_name(self) -> str:
        """Names the split of the data, which cells of the same seed and sparsity share."""
        return f"seed-{self.seed}{self.sparsity}"

    @property
    def name(self) -> str:
        """A unique name that is safe in a file name."""
        return _shortened(f"{self.method.name}_seed-{self.seed}")


class ColdKey(CellKey):
    """The key of a cell that was trained without some items or users, which are then measured as new ones."""

    cold_share: float | None = Field(default=None, gt=0, lt=1)
    """The share of the items that was held out; None: none."""
    cold_split: ColdKind = "random"
    """Which items."""
    cold_users: float | None = Field(default=None, gt=0, lt=1)
    """The share of the users that was held out; None: none."""

    @property
    def held_out(self) -> HeldOutShares:
        """What was held out."""
        return self.cold_share, self.cold_split, self.cold_users

    @property
    def name(self) -> str:
        """A unique name that is safe in a file name."""
        last = "-last" if self.cold_split == "time" else ""
        items = "" if self.cold_share is None else f"_cold-{self.cold_share:g}{last}"
        users = "" if self.cold_users is None else f"_users-{self.cold_users:g}"
        return _shortened(f"{self.method.name}_seed-{self.seed}{items}{users}")


def distinct_labels(methods: Iterable[Method]) -> dict[Method, str]:
    """Return a short label for each method; in brackets the encoder and size where these differ, and the sparsity.

    Args:
        methods: The methods that are shown together.
    """
    distinct = list(dict.fromkeys(methods))
    varying = {name for name in ("encoder", "embedding_size") if _n_values(distinct, name) > 1}
    return {method: _labelled(method, varying) for method in distinct}


def _n_values(methods: list[Method], field: str) -> int:
    return len({getattr(method, field) for method in methods} - {None})


def _labelled(method: Method, varying: set[str]) -> str:
    parts = [
        method.encoder if "encoder" in varying else None,
        f"d={method.embedding_size}" if "embedding_size" in varying and method.embedding_size else None,
        f"{method.train_share:.0%} of training" if method.train_share < 1 else None,
        f"history of {method.max_history}" if method.max_history else None,
    ]
    shown = ", ".join(part for part in parts if part)
    return f"{method.label} ({shown})" if shown else method.label


def _shortened(name: str) -> str:
    # Cut names end in a digest of the whole, so that two never share a file.
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 9]}-{sha256_of(name)[:8]}"


def _slug(text: str) -> str:
    safe = _UNSAFE.sub("-", text.lower()).strip("-.")
    # A changed name ends in a digest, so that two keys never share a file.
    return safe if safe == text else f"{safe[:60]}-{sha256_of(text)[:8]}"
