"""A package outside LLMInit adds one part of each kind: they pass the contracts and run through the commands."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from llminit import Recommender
from llminit.models import BACKBONES
from llminit.results import ResultsFolder
from planted import plant

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PACKAGE = Path(__file__).parent / "package"
NAMES = {"encoder": "letters", "selector": "spread", "backbone": "tempered", "baseline": "co-counts"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The options that name two tables."""
    folder, world = tmp_path_factory.mktemp("tables"), plant()
    world.interactions.write_parquet(folder / "interactions.parquet")
    world.items.write_parquet(folder / "items.parquet")
    return ["--interactions", folder / "interactions.parquet", "--items", folder / "items.parquet"]


def test_the_contracts_pass_in_a_separate_environment(run: Run) -> None:
    """The package's own tests, three lines a part, pass where it is installed."""
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", PACKAGE / "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("....")


def test_parts_are_listed_with_their_options(run: Run) -> None:
    """`llminit parts` and the help of `fit` show them; an environment without the package does not know them."""
    done = run("-m", "llminit", "parts", "--json")
    parts = {(part["kind"], part["name"]): part for part in json.loads(done.stdout)["parts"]}
    assert parts.keys() >= set(NAMES.items())
    (power,) = parts["baseline", "co-counts"]["options"]
    assert power == {"name": "power", "default": 0.5, "description": "Power of the other item's count."}
    shown = run("-m", "llminit", "fit", "--help", COLUMNS="200").stdout
    assert all(name in shown for name in ("letters", "spread", "tempered"))
    assert "tempered" not in BACKBONES


def test_fit_takes_them_by_name(run: Run, tables: list[str | Path], tmp_path: Path) -> None:
    """A recommender is fitted from its encoder, selector and backbone, with an option of each, and loads anywhere."""
    chosen = [
        "--encoder",
        "letters",
        "--encoder-option",
        "width=24",
        "--init",
        "spread",
        "--init-option",
        "quantile=0.8",
    ]
    chosen += ["--backbone", "tempered", "--backbone-option", "start=0.5", "--embedding-size", "8", "--epochs", "2"]
    done = run("-m", "llminit", "fit", *tables, *chosen, "--out", tmp_path / "r", "--cache", tmp_path / "c", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["config"]["backbone"] == "tempered"
    loaded = Recommender.load(tmp_path / "r")
    assert len(loaded.recommend([loaded.users.ids[0]], k=3)) == 3


def test_compare_runs_them_in_workers(run: Run, tables: list[str | Path], tmp_path: Path) -> None:
    """A comparison of its parts beside the built-in ones runs in worker processes, its baseline tuned on its grid."""
    chosen = ["--encoders", "letters", "--inits", "xavier,spread", "--backbones", "tempered,mf", "--baselines"]
    chosen += ["co-counts,popularity", "--embedding-sizes", "8", "--epochs", "2", "--seeds", "1", "--workers", "2"]
    done = run("-m", "llminit", "compare", *tables, *chosen, "--out", tmp_path / "r", "--cache", tmp_path / "c")
    assert done.returncode == 0, done.stderr
    cells = {cell.key.model: cell for cell in ResultsFolder(tmp_path / "r").cells()}
    assert cells.keys() == {"tempered", "mf", "co-counts", "popularity"}
    assert [trial["options"]["power"] for trial in cells["co-counts"].tuning or []] == [0.0, 0.5, 1.0]
    assert (cells["tempered"].n_parameters or 0) == (cells["mf"].n_parameters or 0) + 1


@pytest.mark.parametrize(
    ("group", "target", "says"),
    [
        ("backbones", "broken = broken_part:missing", "cannot be imported (AttributeError"),
        ("backbones", "broken = no_such_module:X", "cannot be imported (ModuleNotFoundError"),
        ("backbones", "broken = broken_part:Nothing", "does not define loss(self, batch"),
        ("backbones", "broken = broken_part:Other", "calls itself 'other' and is to be registered as 'broken'"),
        ("selectors", "broken = broken_part:untyped", "the option 'share' of the selector 'broken' has no type"),
        ("selectors", "broken = broken_part:positional", "is not keyword-only; write a * before it"),
        ("baselines", "broken = broken_part:no_class", "expected a class that derives from"),
        ("encoders", "broken = broken_part:NoEncode", "does not define identity and encode"),
    ],
)
def test_a_broken_package_is_named_with_what_to_write(
    run: Run, tables: list[str | Path], tmp_path: Path, group: str, target: str, says: str
) -> None:
    """An installed part that cannot be used is an error that names its package, when that part is used."""
    (tmp_path / "broken_part.py").write_text(BROKEN, encoding="utf-8")
    metadata = tmp_path / "broken_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-package\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[llminit.{group}]\n{target}\n", encoding="utf-8")
    options = {
        "backbones": ["--backbones", "broken", "--baselines", "none"],
        "selectors": ["--inits", "broken", "--baselines", "none"],
        "baselines": ["--backbones", "", "--baselines", "broken"],
        "encoders": ["--encoders", "broken", "--inits", "pca", "--baselines", "none"],
    }[group]
    done = run("-m", "llminit", "compare", *tables, *options, "--out", tmp_path / "r", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2, done.stdout + done.stderr
    message = " ".join(done.stderr.split())
    assert "of the package broken-package" in message
    assert says in message
    assert not (tmp_path / "r").exists()


BROKEN = """
from llminit.models import Backbone
from llminit.models.backbones.mf import MatrixFactorization

class Nothing(Backbone):
    name = "broken"

class Other(MatrixFactorization):
    name = "other"

class NoEncode:
    name = "broken"

def untyped(data, *, share=0.2):
    return data

def positional(data, share: float = 0.2):
    return data

def no_class():
    return None
"""
