"""A small recommender that needs no training, an encoder that needs no model, and real servers of it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from llminit.arrays import FloatArray
from llminit.data.vocabulary import Vocabulary
from llminit.fold_in import fit_item_map, fit_user_map
from llminit.models.serving import DotProduct
from llminit.recommender import FoldIn, Recommender, TextRecipe
from llminit.selectors import fit_selector

BRANDS = ("Acme", "Initech", "Umbrella")
KINDS = ("shoes", "tents", "lamps", "books")
N_ITEMS, N_USERS, WIDTH = 40, 30, 24

# Slow machines start a server in half a minute.
PATIENCE = 120

MAIN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from served import WordsEncoder
from llminit.cli.main import main
from llminit.text import ENCODERS
ENCODERS.register(WordsEncoder, name="words")
sys.exit(main(sys.argv[1:]))
"""


class WordsEncoder:
    """A text is the sum of its words, each a direction of its own; numbers weigh little."""

    name = "words"

    def identity(self) -> dict[str, str | int | float | bool]:
        return {"encoder": "words"}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        return np.array([_sum_of(text) for text in texts], dtype=np.float32).reshape(len(texts), WIDTH)


def _sum_of(text: str) -> FloatArray:
    words = re.findall(r"\w+", text.lower()) or [""]
    directions = [np.random.default_rng(list(word.encode(errors="replace"))).normal(size=WIDTH) for word in words]
    weights = [0.2 if word.isdecimal() else 1.0 for word in words]
    return np.asarray(np.array(weights) @ np.array(directions), dtype=np.float32)


def item_id(item: int) -> str:
    return f"i{item:02d}"


def small_recommender(
    seed: int = 0, encoder: str | None = "words", *, numbers: bool = False, first: int = 0
) -> Recommender:
    """Items of four kinds, and users who like one of them; vectors are what training would make of the texts.

    Args:
        seed: Who has what, and how far the vectors are from their start.
        encoder: The SPEC of the encoder; None for one that is not known.
        numbers: Whether user ids are numbers.
        first: The number of the first item.
    """
    rng = np.random.default_rng(seed)
    titles = [f"{KINDS[item % len(KINDS)]} {item} <b>„日本“</b>" for item in range(N_ITEMS)]
    brands = [BRANDS[item % len(BRANDS)] for item in range(N_ITEMS)]
    table = pl.DataFrame(
        {"item_id": [item_id(first + item) for item in range(N_ITEMS)], "title": titles, "brand": brands}
    )
    table = table.with_columns(year=pl.Series([1990 + item for item in range(N_ITEMS)]))
    texts = WordsEncoder().encode([f"{title}. {brand}" for title, brand in zip(titles, brands, strict=True)])
    seen = np.zeros((N_USERS, N_ITEMS), dtype=np.float32)
    for user in range(N_USERS):
        mine = np.flatnonzero(np.arange(N_ITEMS) % len(KINDS) == user % len(KINDS))
        seen[user, rng.choice(mine, 5, replace=False)] = 1
    degrees = seen.sum(axis=0).astype(np.int64)
    selection = fit_selector("pca", texts, 6, item_degrees=degrees, rng=rng)
    starts = selection.apply(texts)
    items = (starts + 0.1 * rng.normal(size=starts.shape)).astype(np.float32)
    users = ((seen @ items) / 5).astype(np.float32)
    users_ids = pl.Series("id", list(range(N_USERS)) if numbers else [f"u{user:02d}" for user in range(N_USERS)])
    recipe = TextRecipe(
        "pca", {}, selection, encoder, {}, WordsEncoder().identity() if encoder else {}, "{title}. {brand}"
    )
    return Recommender(
        Vocabulary(users_ids, "user"),
        Vocabulary(table["item_id"].alias("id"), "item"),
        DotProduct(users, items),
        csr_array(seen),
        table,
        recipe,
        {"config": {"backbone": "softmax", "init": "pca"}},
        FoldIn((fit_item_map("start", starts, items, degrees, 1.0),), (fit_user_map(users),), WIDTH),
    )


@dataclass
class Reply:
    """An answer of a server."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def items(self) -> list[Any]:
        """The ids of the items of an answer."""
        return [row["item_id"] for row in self.json["items"]]


@dataclass
class Server:
    """A server as a process of its own."""

    process: "subprocess.Popen[str]"
    address: str
    log_file: Path
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; a body that is not bytes goes as JSON."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=PATIENCE)
        try:
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            names = {"Content-Type": "application/json"} if sent is not None else {}
            names |= self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, sent, names)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()

    def recommend(self, **question: Any) -> Reply:
        return self.ask("POST", "/recommend", question)

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log that are whole."""
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def log_until(self, name: str, value: Any) -> list[dict[str, Any]]:
        """The lines of the log that have a value, when there is one: it is written after the answer."""
        waited = 0.0
        while not (found := [line for line in self.log() if line.get(name) == value]):
            assert waited < PATIENCE, self.log()
            time.sleep(0.05)
            waited += 0.05
        return found

    def end(self, how: int = signal.SIGTERM) -> int:
        """End the process, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def start(folder: Path, log_file: Path, *options: Any, **environment: str) -> Server:
    """Start a server and wait until it listens."""
    process = launch(folder, log_file, *options, as_json=True, **environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log_file.read_text(encoding="utf-8")
    return Server(process, json.loads(line)["address"], log_file)


def launch(
    folder: Path, log_file: Path, *options: Any, as_json: bool = True, **environment: str
) -> "subprocess.Popen[str]":
    """Start a server, which may end at once."""
    arguments = ["serve", str(folder), "--port", "0", "--threads", "1", *map(str, options)]
    arguments += ["--json"] if as_json else []
    with log_file.open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, str(Path(__file__).parent), *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"} | environment,
        )


def quoted(identifier: str) -> str:
    return quote(identifier, safe="")
