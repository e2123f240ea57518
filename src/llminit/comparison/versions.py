"""Which software made a result."""

import platform
from importlib import metadata

import llminit

_LIBRARIES = ("torch", "numpy", "scipy", "numba", "polars")


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that results depend on."""
    found = {"python": platform.python_version(), "llminit": llminit.__version__}
    return found | {name: metadata.version(name) for name in _LIBRARIES}
