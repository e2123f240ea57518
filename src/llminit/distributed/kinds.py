"""Which backbones are trained over ranks, and with which options."""

from llminit.config import Config
from llminit.distributed.columns import COLUMN_KINDS
from llminit.distributed.layout import Layout, layout_of
from llminit.errors import ConfigError
from llminit.models.backbone import Backbone
from llminit.models.backbones.history import History
from llminit.models.backbones.softmax import Softmax
from llminit.models.softmax_options import LossConfig

_ROW_KINDS: tuple[type[Backbone], ...] = (Softmax, History)


def is_by_rows(kind: type[Backbone]) -> bool:
    """Return whether a backbone's rows are spread over the ranks, and not its columns."""
    return kind in _ROW_KINDS


def layout_for(kind: type[Backbone], n_users: int, n_items: int, width: int) -> Layout:
    """Return how the table of a backbone is spread over ranks."""
    shape = (n_users + n_items if kind.has_user_table else n_items, width)
    return layout_of("rows" if is_by_rows(kind) else "columns", shape)


def check_kind(kind: type[Backbone], options: Config, *, width: int, n_ranks: int) -> None:
    """Check that a backbone is trained over ranks.

    Args:
        kind: The backbone.
        options: Its options.
        width: d.
        n_ranks: Number of ranks.

    Raises:
        ConfigError: It is not, or not with these options.
    """
    if not is_by_rows(kind) and kind not in COLUMN_KINDS:
        raise ConfigError(
            f"backbone={kind.name!r} is not trained over ranks, expected one of {', '.join(distributed_names())}; "
            "choose one of them, or start the command without a launcher"
        )
    if kind in COLUMN_KINDS and width < n_ranks:
        raise ConfigError(
            f"{kind.name} gives each rank some of embedding_size={width} columns, expected at least {n_ranks} for as "
            "many ranks; start fewer"
        )
    if isinstance(options, LossConfig):
        _check_loss(kind, options)


def distributed_names() -> list[str]:
    """Return the names of the backbones that are trained over ranks."""
    return [kind.name for kind in (*_ROW_KINDS, *COLUMN_KINDS)]


def _check_loss(kind: type[Backbone], options: LossConfig) -> None:
    refused = {
        f"loss={options.loss!r}": options.loss not in ("softmax", "psl"),
        "learn_temperature": options.learn_temperature,
        "anchor_weight": options.anchor_weight > 0,
        "n_layers": getattr(options, "n_layers", 0) > 0,
    }
    found = [name for name, is_set in refused.items() if is_set]
    if found:
        raise ConfigError(
            f"{kind.name} with {' and '.join(found)} is not trained over ranks, expected the loss softmax or psl "
            "without a learned temperature, an anchor or layers; leave these out, or start the command without a "
            "launcher"
        )
