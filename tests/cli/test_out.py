"""Every command checks where its result goes before it reads or computes anything."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import Run
from planted import everything_under

Command = Callable[[Path, Path], list[object]]
NO_TABLES = ["--interactions", "none.parquet", "--embeddings", "none.parquet"]

COMMANDS: dict[str, Command] = {
    "fit": lambda _, out: ["fit", *NO_TABLES, "--out", out],
    "tune": lambda _, out: ["tune", *NO_TABLES, "--out", out],
    "init": lambda _, out: ["init", *NO_TABLES, "--out", out],
    "compare": lambda _, out: ["compare", *NO_TABLES, "--out", out],
    "encode": lambda _, out: ["encode", "--items", "none.parquet", "--encoder", "hash", "--out", out],
    "report": lambda _, out: ["report", "none", "--out", out],
    "recommend": lambda _, out: ["recommend", "none", "--all", "--out", out.with_name(f"{out.name}.csv")],
    "export": lambda _, out: ["export", "none", "--to", "npy", "--out", out],
    "data get": lambda _, out: ["data", "get", "ml-100k", "--to", out],
    "demo": lambda _, out: ["demo", "--folder", out],
}
OUTS = {"a long name": ("n" * 300, "bytes, expected at most"), "inside a file": ("file/out", "is a file")}


@pytest.mark.usefixtures("hash_encoder")
@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_bad_out_is_refused_first(run: Run, tmp_path: Path, command: str, out: str) -> None:
    """The message is about the output although the inputs do not exist; exit code 2, and nothing is left behind."""
    (tmp_path / "file").write_bytes(b"precious")
    name, words = OUTS[out]
    ran = run(*COMMANDS[command](tmp_path, tmp_path / name))
    assert (ran.code, ran.stdout) == (2, "")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "none" not in ran.stderr
    assert everything_under(tmp_path) == {"file": b"precious"}


def test_init_is_refused_before_it_reads(run: Run, tmp_path: Path) -> None:
    """A folder that holds other things is refused before the tables are read, not after."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    ran = run("init", *NO_TABLES, "--out", tmp_path / "out")
    assert ran.code == 2
    assert "thesis.tex" in ran.stderr


def test_inputs_are_not_replaced(run: Run, tables: Path, fitted: Path, tmp_path: Path) -> None:
    """An item table, the users of a request and the files of a recommender are never an output."""
    items = shutil.copy(tables / "items.parquet", tmp_path / "items.parquet")
    shutil.copytree(fitted, tmp_path / "r")
    before = everything_under(tmp_path)
    refused = [
        run("encode", "--items", items, "--out", items),
        run("recommend", tmp_path / "r", "--all", "--out", tmp_path / "r" / "users.parquet"),
        run("recommend", tmp_path / "r", "--users", items, "--out", items),
    ]
    for ran in refused:
        assert (ran.code, ran.stdout) == (2, "")
        assert "it is the input" in ran.stderr
    assert everything_under(tmp_path) == before
