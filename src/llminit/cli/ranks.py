"""Whether a launcher, such as torchrun, started this process as one of several ranks."""

import os

from llminit.errors import ConfigError

_FOR_RANKS = {"fit"}
"""The commands that ranks share."""


def are_several() -> bool:
    """Return whether this process is one of several ranks.

    Raises:
        ConfigError: What the launcher has set is no number.
    """
    return _number("WORLD_SIZE") > 1 and "RANK" in os.environ


def threads_of_rank() -> int | None:
    """Return this rank's share of the cores, or None for a process of its own, which takes them all."""
    if not are_several():
        return None
    import numba

    available: int = numba.config.NUMBA_NUM_THREADS
    return max(1, available // max(_number("LOCAL_WORLD_SIZE"), 1))


def check_command(name: str | None) -> None:
    """Check that ranks can share a command; otherwise each would do all of it, in the same place.

    Raises:
        ConfigError: They cannot.
    """
    if are_several() and name is not None and name not in _FOR_RANKS:
        raise ConfigError(
            f"a launcher started {os.environ['WORLD_SIZE']} ranks of `llminit {name}`, expected one of "
            f"{', '.join(sorted(_FOR_RANKS))}, which they can share; start this one without the launcher"
        )


def _number(name: str) -> int:
    value = os.environ.get(name, "1")
    if not value.isdecimal():
        raise ConfigError(f"the environment has {name}={value!r}, expected a number, as torchrun sets it; unset it")
    return int(value)
