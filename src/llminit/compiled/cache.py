"""The decorator of every kernel: numba's, with a cache on disk that never gives stale machine code.

numba caches a compiled function beside its source and checks that one file for changes: after an edit of a kernel, a
caller in another file would still run the old code. Here the cache depends on a digest of all files of this package, so
an edit in any of them compiles all kernels again.
"""

from collections.abc import Callable
from contextlib import suppress
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

    A kernel becomes part of each kernel that calls it. Otherwise a process that compiles and one that reads from disk
    can pick different copies of the called one, which differ in the last bits of their sums.

    Args:
        options: Options of `numba.njit`, such as `parallel=True` or `fastmath=FASTMATH`.
    """

    def decorate(function: Function) -> Function:
        # numba cannot do so with a function that has threads of its own.
        inlined = not options.get("parallel", False)
        compiled = numba.njit(**{"error_model": "numpy", "forceinline": inlined, **options})(function)
        # Where nothing can be written, as in a container that only serves, kernels are compiled in each process.
        with suppress(RuntimeError):
            compiled._cache = _PackageCache(function)  # noqa: SLF001 - as `cache=True`, with another cache class
        return compiled  # type: ignore[no-any-return]

    return decorate


@cache
def sources_digest() -> str:
    """Return a SHA-256 of all source files of this package."""
    paths = sorted(Path(__file__).parent.glob("*.py"))
    return sha256_of(*(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in paths))


class _PackageStamp:
    """Makes a numba cache locator check all files of this package instead of the function's file alone."""

    def get_source_stamp(self) -> str:
        return sources_digest()


class _UserProvided(_PackageStamp, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """Cache in the folder that NUMBA_CACHE_DIR names."""


class _InTree(_PackageStamp, caching.InTreeCacheLocator):  # type: ignore[misc]
    """Cache beside the source."""


class _UserWide(_PackageStamp, caching.UserWideCacheLocator):  # type: ignore[misc]
    """Cache in the user's cache folder, where the package's own folder is not writable."""


class _PackageCacheImpl(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_UserProvided, _InTree, _UserWide)


class _PackageCache(caching.FunctionCache):  # type: ignore[misc]
    _impl_class = _PackageCacheImpl
