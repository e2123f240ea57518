"""Folders of the user's system."""

from pathlib import Path

from platformdirs import user_cache_path


def user_cache_folder() -> Path:
    """Return the default folder of encoded texts and downloads; it need not exist.

    On Linux `llminit` in XDG_CACHE_HOME or ~/.cache, on macOS in ~/Library/Caches, on Windows in the local AppData.
    """
    return user_cache_path("llminit", appauthor=False)
