"""`--config F.toml`: any option, and the command line wins."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from command_line import Run
from planted import N_ITEMS

# Gives the options that name a configuration of this text.
Configured = Callable[[str], list[str | Path]]


@pytest.fixture
def config(tmp_path: Path) -> Configured:
    """Write a configuration and return its options."""

    def write(text: str) -> list[str | Path]:
        (tmp_path / "c.toml").write_text(text, encoding="utf-8")
        return ["--config", tmp_path / "c.toml"]

    return write


def test_a_file_instead_of_options(run: Run, tables: Path, fitted: Path, config: Configured, tmp_path: Path) -> None:
    """A file may hold every option, required ones too, spelt with - or _; the result is that of the options."""
    text = f"""
    interactions = "{tables}/interactions.parquet"
    items = "{tables}/items.parquet"
    embeddings = "{tables}/embeddings.parquet"
    out = "{tmp_path}/r"
    embedding-size = 8
    epochs = 3
    json = true
    """
    ran = run("fit", *config(text))
    assert ran.code == 0, ran.stderr
    assert ran.json["config"]["embedding_size"] == 8
    one, other = (load_file(folder / "model.safetensors") for folder in (tmp_path / "r", fitted))
    np.testing.assert_array_equal(one["items"], other["items"])


def test_the_command_line_wins(run: Run, fit_options: list[str], config: Configured, tmp_path: Path) -> None:
    """An option in both places has the command line's value; the others have the file's."""
    ran = run("fit", *fit_options, *config("epochs = 99\nseed = 5"), "--out", tmp_path / "r", "--json")
    assert (ran.json["config"]["epochs"], ran.json["config"]["seed"]) == (3, 5)


@pytest.mark.parametrize("name", ["init_options", "init-option", "init_option"])
def test_options_of_parts_are_tables(
    run: Run, fit_options: list[str], config: Configured, tmp_path: Path, name: str
) -> None:
    """The options of a selector or backbone are a table, named as in the configuration or as on the command line."""
    parts = f"[{name}]\nshare = 0.5\n[backbone_options]\nn_layers = 1\nssl_tau = 0.3"
    options = config(f'init = "variance"\nbackbone = "sgl"\n{parts}')
    ran = run("fit", *fit_options, *options, "--out", tmp_path / "r", "--json")
    assert ran.code == 0, ran.stderr
    assert ran.json["config"]["init_options"] == {"share": 0.5}
    assert ran.json["config"]["backbone_options"] == {"n_layers": 1, "ssl_tau": 0.3}


def test_other_commands(run: Run, fitted: Path, config: Configured) -> None:
    """Commands without a configuration of their own take a file as well."""
    ran = run("recommend", fitted, *config("all = true\nk = 100\ninclude-seen = true\njson = true"))
    assert ran.code == 0, ran.stderr
    assert ran.json["n_recommendations"] == 60 * N_ITEMS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", ["unknown option 'epoch'", "epochs"]),
        ('config = "other.toml"', ["unknown option 'config'"]),
        ("epochs = 2.5", ["--epochs"]),
        ('epochs = "many"', ["--epochs"]),
        ("json = 3", ["--json"]),
        ("seed = -1", ["--seed -1"]),
        ("learning_rate = nan", ["--learning-rate nan"]),
        ("epochs = ", ["not valid TOML"]),
        ('init = "whiten"\n[init_options]\nshare = 1', ["'share'", "norm"]),
        ("[backbone_options]\nheat = 1", ["unknown option 'heat'", "temperature"]),
    ],
)
def test_bad_files(
    run: Run, fit_options: list[str], config: Configured, tmp_path: Path, text: str, words: list[str]
) -> None:
    """An unknown option or a bad value is refused, by name."""
    without_epochs = [option for option in fit_options if option not in ("--epochs", "3")]
    ran = run("fit", *without_epochs, *config(text), "--out", tmp_path / "r")
    assert (ran.code, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_unreadable_files(run: Run, fitted: Path, tmp_path: Path, kind: str) -> None:
    """A file that is not there, is a folder or is not text is refused."""
    path = tmp_path / "c.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    ran = run("recommend", fitted, "--config", path, "--all")
    assert ran.code == 2
    assert "cannot read the configuration file" in ran.stderr
