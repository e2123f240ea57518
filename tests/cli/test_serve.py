"""`llminit serve`: how it starts, and what it refuses."""

import importlib.util
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from command_line import Run
from served import PATIENCE, Server, launch, small_recommender, start


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved recommender; do not write to it."""
    folder = tmp_path_factory.mktemp("model") / "model"
    small_recommender().save(folder)
    return folder


def test_a_port_in_use(run: Run, model: Path) -> None:
    """A port that is in use is found out before anything is loaded: a message with what to do, and code 2."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = run("serve", model, "--port", port)
    assert ran.code == 2
    assert f"--port {port}" in ran.stderr
    assert "is in use on 127.0.0.1, expected a free one" in ran.stderr
    assert not model.with_name("model.state").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "no.such.host.invalid"], "are no address"),
        (["--host", "203.0.113.7", "--port", "0"], "cannot be listened on"),
        (["--log", "loud"], "--log loud is not known"),
        (["--read-only", "--state", "s"], "leave one out"),
        (["--token-file", "no-such-file"], "cannot be read"),
        (["--rate", "-1"], "--rate"),
    ],
)
def test_what_is_refused(run: Run, model: Path, options: list[str], words: str) -> None:
    """Wrong options end with code 2 and a message, before anything listens."""
    ran = run("serve", model, *options)
    assert ran.code == 2
    assert words in " ".join(ran.stderr.split())


def test_a_folder_that_is_no_recommender(run: Run, tmp_path: Path) -> None:
    """A folder that is not there is refused with code 2, and no state is left beside it."""
    ran = run("serve", tmp_path / "nothing", "--port", "0")
    assert ran.code == 2
    assert "there is no folder" in ran.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".lock"] == []


@pytest.mark.parametrize("token", ["", "two words", "ünï"])
def test_tokens_that_cannot_be_sent(run: Run, model: Path, tmp_path: Path, token: str) -> None:
    """A token that is empty or cannot stand in a header is refused."""
    (tmp_path / "token").write_text(token, encoding="utf-8")
    ran = run("serve", model, "--token-file", tmp_path / "token")
    assert ran.code == 2
    assert "--token-file" in ran.stderr


def test_without_the_extra(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without FastAPI the pip command is named."""
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "fastapi" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    ran = run("serve", model)
    assert ran.code == 2
    assert "pip install 'llminit[serve]'" in ran.stderr


def test_from_start_to_end(model: Path, tmp_path: Path) -> None:
    """It listens on this machine only, asks for its token, keeps its state beside the folder, and ends with 0."""
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    small_recommender().save(tmp_path / "model")
    server = start(tmp_path / "model", tmp_path / "log", "--token-file", tmp_path / "token")
    assert server.address.startswith("http://127.0.0.1:")
    assert server.recommend(user_id="u01").status == 401
    assert server.ask("GET", "/health").status == 200
    server.headers = {"Authorization": "Bearer secret"}
    assert server.recommend(user_id="u01").status == 200
    assert server.ask("POST", "/interactions", {"user_id": "u01", "item_id": "i01"}).status == 201
    assert (tmp_path / "model.state").is_file()
    assert server.end(signal.SIGINT) == 0
    events = [line["event"] for line in server.log()]
    assert (events[0], events[-1]) == ("listening", "ended")
    assert "secret" not in (tmp_path / "log").read_text(encoding="utf-8")
    assert not (tmp_path / "model.state.lock").exists()


def test_the_token_of_the_environment(model: Path, tmp_path: Path) -> None:
    """The variable LLMINIT_TOKEN is a token too; what others can reach without one is warned of."""
    open_to_all = start(model, tmp_path / "open", "--read-only", "--host", "0.0.0.0")
    assert any(line["event"] == "no token" for line in open_to_all.log())
    open_to_all.end(9)
    closed = start(model, tmp_path / "closed", "--read-only", LLMINIT_TOKEN="secret")
    try:
        assert closed.recommend(user_id="u01").status == 401
        closed.headers = {"Authorization": "Bearer secret"}
        assert closed.recommend(user_id="u01").status == 200
    finally:
        closed.end(9)


def test_an_encoder_that_is_not_installed(tmp_path: Path) -> None:
    """Words are answered with 501 and the pip command where the encoder's extra is missing; the rest goes on."""
    small_recommender(encoder="static:some/model").save(tmp_path / "model")
    code = "import sys; sys.modules['model2vec'] = None"  # As if it were not installed.
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    server: Server = start(tmp_path / "model", tmp_path / "log", "--read-only", PYTHONPATH=_path(tmp_path))
    try:
        reply = server.recommend(text="tents")
        assert reply.status == 501, reply.body
        assert "pip install 'llminit[static]'" in reply.json["detail"]
        assert server.recommend(user_id="u01").status == 200
    finally:
        server.end(9)


def _path(first: Path) -> str:
    return os.pathsep.join(filter(None, [str(first), os.environ.get("PYTHONPATH")]))


def test_a_terminal_sees_where_it_listens(model: Path, tmp_path: Path) -> None:
    """Without --json stdout stays empty, and the log says where the server listens."""
    process = launch(model, tmp_path / "log", "--read-only", as_json=False)
    server = Server(process, "", tmp_path / "log")
    try:
        (line,) = server.log_until("event", "listening")
        server.address = line["address"]
        assert server.ask("GET", "/health").status == 200
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=PATIENCE)[0] == ""
    finally:
        server.end(9)
