"""Settings of the memory allocator for training."""

import ctypes
import sys
from functools import cache

# glibc's names for what mallopt sets (malloc.h).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3

_MIB = 2**20


@cache
def keep_freed_memory() -> bool:
    """Let the allocator keep up to 256 MiB of freed memory instead of returning it to the system at once.

    A training step frees tensors of the size of all embeddings, and the next one allocates them again. By default glibc
    unmaps them in between, and mapping them again, page by page, takes a quarter of SGL's training time. The settings
    apply to the whole process; without glibc nothing changes.

    Returns:
        Whether the allocator accepted the settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL(None)
        settings = ((_MMAP_THRESHOLD, 32 * _MIB), (_TRIM_THRESHOLD, 256 * _MIB), (_TOP_PAD, 16 * _MIB))
        return all(library.mallopt(name, value) == 1 for name, value in settings)
    except (OSError, AttributeError):
        return False
