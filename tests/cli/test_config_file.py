"""`--config F.toml`: any option, and the command line wins."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from planted import N_ITEMS


@pytest.fixture
def config(tmp_path):
    """Write a configuration and return its options."""

    def write(text):
        (tmp_path / "c.toml").write_text(text, encoding="utf-8")
        return ["--config", tmp_path / "c.toml"]

    return write


def test_a_file_instead_of_options(run, tables, fitted, config, tmp_path):
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
    one, other = (load_file(folder / "embeddings.safetensors") for folder in (tmp_path / "r", fitted))
    np.testing.assert_array_equal(one["items"], other["items"])


def test_the_command_line_wins(run, fit_options, config, tmp_path):
    """An option in both places has the command line's value; the others have the file's."""
    ran = run("fit", *fit_options, *config("epochs = 99\nseed = 5"), "--out", tmp_path / "r", "--json")
    assert (ran.json["config"]["epochs"], ran.json["config"]["seed"]) == (3, 5)


@pytest.mark.parametrize("name", ["init_options", "init-option", "init_option"])
def test_options_of_parts_are_tables(run, fit_options, config, tmp_path, name):
    """The options of a selector or backbone are a table, named as in the configuration or as on the command line."""
    parts = f"[{name}]\nshare = 0.5\n[backbone_options]\nn_layers = 1\nssl_tau = 0.3"
    options = config(f'init = "variance"\nbackbone = "sgl"\n{parts}')
    ran = run("fit", *fit_options, *options, "--out", tmp_path / "r", "--json")
    assert ran.code == 0, ran.stderr
    assert ran.json["config"]["init_options"] == {"share": 0.5}
    assert ran.json["config"]["backbone_options"] == {"n_layers": 1, "ssl_tau": 0.3}


def test_other_commands(run, fitted, config):
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
        ("seed = -1", ["seed=-1"]),
        ("learning_rate = nan", ["learning_rate=nan"]),
        ("epochs = ", ["not valid TOML"]),
        ('init = "whiten"\n[init_options]\nshare = 1', ["'share'", "norm"]),
        ("[backbone_options]\nn_layer = 1", ["unknown option 'n_layer'", "n_layers"]),
    ],
)
def test_bad_files(run, fit_options, config, tmp_path, text, words):
    """An unknown option or a bad value is refused, by name."""
    without_epochs = [each for each in fit_options if each not in ("--epochs", "3")]
    ran = run("fit", *without_epochs, *config(text), "--out", tmp_path / "r")
    assert (ran.code, ran.stdout) == (2, "")
    assert "Traceback" not in ran.stderr
    for word in words:
        assert word in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_unreadable_files(run, fitted, tmp_path, kind):
    """A file that is not there, is a folder or is not text is refused."""
    path = tmp_path / "c.toml"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    ran = run("recommend", fitted, "--config", path, "--all")
    assert ran.code == 2
    assert "cannot read the configuration file" in ran.stderr
