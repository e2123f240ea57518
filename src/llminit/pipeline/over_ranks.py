"""Which fits run over ranks, and what all ranks must have been started with."""

from pathlib import Path
from typing import Any

import torch

from llminit.checksums import sha256_of_file
from llminit.config import FitConfig
from llminit.distributed.batches import Negatives
from llminit.distributed.ranks import Ranks
from llminit.errors import ConfigError
from llminit.models import BACKBONES, is_baseline
from llminit.pipeline.mixture import MIXTURE, check_mixture
from llminit.version import __version__


def check_over_ranks(config: FitConfig, ranks: Ranks | None) -> None:
    """Check, before any work, that what is fitted is trained over ranks; of a mixture, its backbone.

    Args:
        config: The options, those of the preset among them.
        ranks: The ranks; None, or a single one, takes everything.

    Raises:
        ConfigError: It is not.
    """
    if ranks is None:
        return
    from llminit.distributed.kinds import check_kind, distributed_names

    names = {config.backbone: config.backbone_options}
    if config.backbone == MIXTURE:
        mixture = check_mixture(config.backbone_options)
        names = {name: mixture.part_options.get(name, {}) for name in mixture.parts if not is_baseline(name)}
    names = {name: options for name, options in names.items() if not is_baseline(name)}
    if not names:
        raise ConfigError(
            f"backbone={config.backbone!r} trains nothing that ranks could share, expected one of "
            f"{', '.join(distributed_names())}; choose one of them, or start the command without a launcher"
        )
    for name, options in names.items():
        kind, width, n_ranks = BACKBONES[name], config.embedding_size, ranks.group.size
        check_kind(kind, kind.options_type.make(**options), width=width, n_ranks=n_ranks)


def facts_of(config: FitConfig, negatives: Negatives, device: str, **files: Any) -> dict[str, Any]:
    """Return what must be the same on all ranks, by names for people.

    Args:
        config: The options.
        negatives: What pairs are compared with.
        device: A torch device.
        files: The data by their names; the checksum of a file that this rank sees counts. Ranks other than the first
            need not see them.
    """
    versions = {"llminit's version": __version__, "torch's version": torch.__version__.partition("+")[0]}
    digests = {f"the checksum of {name}": _digest(value) for name, value in files.items()}
    return versions | config.model_dump(mode="json") | {"negatives": negatives, "device": device} | digests


def _digest(value: Any) -> str | None:
    is_file = isinstance(value, str | Path) and Path(value).is_file()
    return sha256_of_file(Path(value))[:12] if is_file else None
