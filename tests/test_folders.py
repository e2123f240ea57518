"""The default cache folder."""

import sys
from pathlib import Path

import polars as pl
import pytest

from llminit.data import SourceInfo, get_source
from llminit.folders import user_cache_folder
from llminit.progress import Reporter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems use other folders")


@pytest.mark.parametrize("unset", [None, ""])
def test_the_cache_is_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unset: str | None) -> None:
    """Without XDG_CACHE_HOME, it is ~/.cache/llminit, as it was in every version; nothing is made there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if unset is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
    assert user_cache_folder() == tmp_path / ".cache" / "llminit"
    assert list(tmp_path.iterdir()) == []


def test_xdg_cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With XDG_CACHE_HOME, it is the folder llminit in it, for the sources of data in Python too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache_folder() == tmp_path / "llminit"

    class Nowhere:
        """Raises an error with the folder that it should keep its downloads in."""

        info = SourceInfo("nowhere", 0, 0, 0, "", "")

        def tables(self, cache: Path, reporter: Reporter) -> tuple[pl.DataFrame, pl.DataFrame]:
            raise LookupError(cache)

    with pytest.raises(LookupError, match=str(tmp_path / "llminit")):
        get_source("nowhere", tmp_path / "out", sources={"nowhere": Nowhere()})
