"""`llminit export`."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from command_line import Run
from exported import sample
from llminit import fit
from llminit.cli.export import TARGET_NAMES
from llminit.export import TARGETS
from planted import World


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommender whose items differ in length; do not write to it."""
    folder = tmp_path_factory.mktemp("varied") / "model"
    sample().save(folder)
    return folder


def test_as_a_process(run_process: Run, varied: Path, tmp_path: Path) -> None:
    """Only JSON is on stdout; stderr warns of cosine, loudly, with how many of the ten best items it keeps."""
    ran = run_process("export", varied, "--to", "parquet", "--out", tmp_path / "o", "--json")
    assert ran.code == 0, ran.stderr
    assert (ran.json["n_users"], ran.json["n_items"], ran.json["width"]) == (30, 80, 12)
    assert ran.json["out"] == str(tmp_path / "o")
    kept = re.search(
        r"SEARCH BY DOT PRODUCT: by cosine, these vectors keep (\S+) of a user's 10 best items", ran.stderr
    )
    assert kept is not None
    assert float(kept[1]) == pytest.approx(10 * ran.json["cosine_keeps"], abs=0.051)
    assert "export with --form cosine" in ran.stderr
    assert len(pl.read_parquet(tmp_path / "o" / "items.parquet")) == 80


def test_for_people(run: Run, varied: Path, tmp_path: Path) -> None:
    """A line says what was written and where; in the form "cosine", what the last column is for."""
    ran = run("export", varied, "--to", "npy", "--form", "cosine", "--out", tmp_path / "o")
    assert ran.code == 0
    assert f"30 users, 80 items, 13 columns (cosine) for npy, saved to {tmp_path / 'o'}" in ran.stdout
    assert "users have a 0 there" in ran.stderr
    assert "SEARCH BY DOT" not in ran.stderr


def test_items_of_one_length_need_no_warning(run: Run, world: World, tmp_path: Path) -> None:
    """Where cosine finds the same, it is said without capitals."""
    small: dict[str, Any] = {"embedding_size": 8, "epochs": 1, "refit": False}
    fit(world.interactions, backbone="softmax", init="xavier", backbone_options={"hop_weights": ()}, **small).save(
        tmp_path / "of one length"
    )
    ran = run("export", tmp_path / "of one length", "--to", "npy", "--out", tmp_path / "o", "--json")
    assert ran.json["cosine_keeps"] == 1
    assert "would here find the same 10 best items" in ran.stderr


def test_help_names_every_target(run: Run) -> None:
    """The targets in the help are those of the registry."""
    assert set(TARGET_NAMES.split(", ")) == set(TARGETS)
    assert run("export", "--help").code == 0


def test_bad_input(run: Run, varied: Path, tmp_path: Path, world: World) -> None:
    """Unknown targets and forms, an earlier export, and a model without embeddings: exit code 2, and what to do."""
    ran = run("export", varied, "--to", "fais", "--out", tmp_path / "o")
    assert (ran.code, ran.stdout) == (2, "")
    assert "unknown target 'fais' (did you mean 'faiss'?); choose one of: faiss, " in ran.stderr
    assert run("export", varied, "--to", "npy", "--form", "cos", "--out", tmp_path / "o").code == 2
    ran = run("export", varied, "--to", "pyg", "--form", "cosine", "--out", tmp_path / "o")
    assert (ran.code, ran.stdout) == (2, "")
    assert "--form cosine is not for pyg" in ran.stderr
    assert list(tmp_path.iterdir()) == []
    assert run("export", varied, "--to", "npy", "--out", tmp_path / "o").code == 0
    ran = run("export", varied, "--to", "npy", "--out", tmp_path / "o")
    assert (ran.code, ran.stdout) == (2, "")
    assert "pass overwrite to replace it" in ran.stderr
    assert run("export", varied, "--to", "npy", "--out", tmp_path / "o", "--overwrite").code == 0
    fit(world.interactions, backbone="ease", out=tmp_path / "ease")
    ran = run("export", tmp_path / "ease", "--to", "faiss", "--out", tmp_path / "p")
    assert (ran.code, ran.stdout) == (2, "")
    assert "has no embeddings; fit a backbone to have some, such as --backbone softmax" in ran.stderr
