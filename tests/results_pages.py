"""Pages of results that tests write, and what is on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

import write_results as script
from llminit.cli.main import app
from llminit.config import CompareConfig
from llminit.results import ResultsFolder
from synthetic_results import Plan as Written

WRITTEN = Written(encoders=("embeddings-mpnet",), sizes=(), shares=(), histories=(), with_map=False)
# What `WRITTEN` holds, but for the controls of sgcl and one more baseline.
PLANNED = """
[grid]
backbones = ["lightgcn", "sgcl:1"]
inits = ["xavier", "variance", "whiten", "pca"]
baselines = ["popularity", "item-knn", "ease", "text-only", "edlae"]
controls = ["shuffled", "noise", "untrained"]
seeds = 3
[data.beauty]
title = "Amazon 2014 Beauty"
get = "amazon-beauty"
[embeddings.embeddings-mpnet]
encoder = "st:all-mpnet-base-v2"
text = "{title}. {categories}"
"""


def text_of(root: Path, names: Sequence[str] = ("beauty", "toys")) -> str:
    return script.text_of([root / name for name in names], root / "planned.toml")


def rows_of(page: str, title: str) -> list[dict[str, str]]:
    """Return the rows of the table below a title, as lists of cells by the names of the columns."""
    lines = page.split(f"{title}\n", 1)[1].split("\n## ")[0].split("\n### ")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [dict(zip(head, row, strict=True)) for row in rows]


def values_of(folder: Path, label: str, metric: str, protocol: str) -> list[float]:
    cells = [cell for cell in ResultsFolder(folder).cells() if cell.key.label == label]
    return [cell.metrics[protocol][metric] for cell in sorted(cells, key=lambda cell: cell.key.seed)]


def unfolded(page: str) -> list[str]:
    return page.replace(" \\\n    ", " ").splitlines()


def parsed(words: Sequence[str]) -> CompareConfig:
    group: Any = typer.main.get_command(app)
    command = group.commands["compare"]
    given = command.make_context("compare", list(words), resilient_parsing=True).params
    own = {name: given[name] for name in CompareConfig.model_fields if given.get(name) not in (None, [], ())}
    return CompareConfig.make(**own)
