"""The commands that make the results and the page again."""

import shlex
from typing import Any

from llminit.comparison.fingerprints import fixed_options
from llminit.config import CompareConfig
from results_page.sources import DataSet, Plan, besides

PAGE = "docs/results.md"
ARCHIVES = "docs/results"
_WIDTH = 110


def section(data_sets: list[DataSet], plan: Plan) -> list[str]:
    """Return the lines of the section."""
    commands = [command for data in data_sets for command in _of(data, plan)]
    commands += [archive_command(data_sets), rewrite_command(data_sets)]
    return [
        "## How to reproduce this",
        "",
        (
            f"Every number above comes from the archives of results in `{ARCHIVES}`; every word beside it follows from "
            "a rule in `docs/results_page`. Published numbers are in `docs/published.toml`, with their sources. The "
            "same commands continue a killed run and run only what is missing; the last two keep the results as small "
            "archives, which can be read but not extended, and write this page."
        ),
        "",
        "```sh",
        *(line for command in commands for line in _folded(command)),
        "```",
        "",
        *(f"- {line}" for line in _notes(data_sets, plan)),
    ]


def short_command(data: DataSet) -> str:
    """Return the command that makes a data set's results, its options left out."""
    return f"llminit compare … --out {_whole(data)}"


def compare_commands(data: DataSet) -> list[list[str]]:
    """Return the commands that make all planned cells of a data set, as words."""
    return [_compare_command(data, call) for call in data.calls]


def _compare_command(data: DataSet, call: CompareConfig) -> list[str]:
    folder, texts = f"data/{data.name}", data.loaded.header.encoders
    files = [label if _is_spec(label) else f"{folder}/{label}.parquet" for label in texts]
    words = ["llminit", "compare", "--interactions", f"{folder}/interactions.parquet"]
    words += ["--items", f"{folder}/items.parquet"]
    is_one_file = len(files) == 1 and not any(map(_is_spec, texts))
    words += ["--embeddings" if is_one_file else "--encoders", ",".join(files)] if files else []
    return [*words, *_options(call), "--out", _whole(data)]


def archive_command(data_sets: list[DataSet]) -> list[str]:
    """Return the command that keeps all results as archives, as words."""
    folders = [_whole(data) for data in [*data_sets, *besides(data_sets)]]
    return ["python", "docs/archive_results.py", *folders, "--out", ARCHIVES]


def rewrite_command(data_sets: list[DataSet]) -> list[str]:
    """Return the command that writes the page, as words."""
    folders = [f"{ARCHIVES}/{data.folder}" for data in data_sets]
    return ["python", "docs/write_results.py", *folders, "--out", PAGE]


def _whole(data: DataSet) -> str:
    """Name the results folder that an archive is made from."""
    return f"results/{data.folder}"


def _of(data: DataSet, plan: Plan) -> list[list[str]]:
    commands = []
    source = plan.data.get(data.name)
    if source and source.get:
        commands.append(["llminit", "data", "get", source.get, "--to", f"data/{data.name}"])
    for label in data.loaded.header.encoders:
        if label in plan.embeddings:
            made = plan.embeddings[label]
            words = ["llminit", "encode", "--items", f"data/{data.name}/items.parquet", "--text", made.text]
            commands.append([*words, "--encoder", made.encoder, "--out", f"data/{data.name}/{label}.parquet"])
    return [*commands, *(command for each in (data, *besides([data])) for command in compare_commands(each))]


def _options(config: CompareConfig) -> list[str]:
    """Return the options that are not the defaults: first those of every cell, then the grid."""
    fixed = fixed_options(config)
    grid = config.model_dump(mode="json", exclude=set(fixed), exclude_defaults=True)
    return [word for name, value in (fixed | grid).items() for word in _option(name, value)]


def _option(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if isinstance(value, dict):
        return [word for key, each in value.items() for word in (f"--{flag.removesuffix('s')}", f"{key}={_text(each)}")]
    return [f"--{flag}", ",".join(map(_text, value)) if isinstance(value, list | tuple) else _text(value)]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_spec(label: str) -> bool:
    return label == "minilm" or ":" in label


def _folded(words: list[str]) -> list[str]:
    """Return a command in lines that fit the page, each but the last ended by a backslash."""
    parts: list[str] = []
    for word, before in zip(map(shlex.quote, words), ["", *words], strict=False):
        # An option and its value stay in one line.
        if before.startswith("--") and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) < _WIDTH:
            lines[-1] += f" {part}"
        else:
            lines.append(f"    {part}")
    return [" \\\n".join(lines)]


def _notes(data_sets: list[DataSet], plan: Plan) -> list[str]:
    notes = []
    for label in dict.fromkeys(label for data in data_sets for label in data.loaded.header.encoders):
        if label in plan.embeddings:
            made = plan.embeddings[label]
            notes.append(f'`{label}`: {made.encoder} of "{made.text}"{f" ({made.note})" if made.note else ""}.')
    for data in data_sets:
        header = data.loaded.header
        versions = ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items()))
        notes.append(f"{data.short}: data and options have the fingerprint `{header.fingerprint[:16]}`; {versions}.")
    return notes
