"""The decorator of every kernel: numba's, with a cache on disk that never gives stale machine code.

numba keeps compiled functions beside their source and looks for changes in that one file only: edit a kernel that
another one calls, and the caller would go on with the old one. Here what is kept is tied to a digest of all files of
this package, so an edit anywhere in it compiles again whatever could have changed.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import caching

from llminit.checksums import sha256_of

Function = TypeVar("Function", bound=Callable[..., Any])

FASTMATH = {"reassoc", "contract", "nsz"}
"""Sums may be reordered but nothing is approximated: NaN stays NaN, and a division is a division."""


def kernel(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with numba and keep the machine code on disk.

    Args:
        options: Those of `numba.njit`, such as `parallel=True` or `fastmath=FASTMATH`.
    """

    def decorate(function: Function) -> Function:
        compiled = numba.njit(**{"error_model": "numpy", **options})(function)
        compiled._cache = _PackageCache(function)  # noqa: SLF001 - what `cache=True` does, with another cache
        return compiled  # type: ignore[no-any-return]

    return decorate


@cache
def sources_digest() -> str:
    """Return a SHA-256 of all source files of this package."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    return sha256_of(*(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in paths))


class _OfThePackage:
    """Makes a locator of numba's compare all of this package and not the function's file alone."""

    def get_source_stamp(self) -> str:
        return sources_digest()


class _UserProvided(_OfThePackage, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """In the folder that NUMBA_CACHE_DIR names."""


class _InTree(_OfThePackage, caching.InTreeCacheLocator):  # type: ignore[misc]
    """Beside the source."""


class _UserWide(_OfThePackage, caching.UserWideCacheLocator):  # type: ignore[misc]
    """In the user's cache folder, where the package's cannot be written."""


class _PackageCacheImpl(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_UserProvided, _InTree, _UserWide)


class _PackageCache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _PackageCacheImpl
