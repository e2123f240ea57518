"""`llminit doctor`, and what every command has in common."""

from pathlib import Path
from typing import NoReturn

import pytest

from command_line import Run
from llminit import __version__
from llminit.folders import user_cache_folder

COMMANDS = ["data", "encode", "init", "fit", "tune", "recommend", "similar", "export", "doctor", "demo"]


def test_json(run: Run) -> None:
    """Doctor reports versions, cores, threads, devices and which extras are missing."""
    found = run("doctor", "--json").json
    assert found["llminit"] == __version__
    assert found["threads"]["torch"] >= 1
    assert found["threads"]["numba"] >= 1
    assert found["packages"]["torch"]
    assert set(found["extras"]) == {
        "text",
        "static",
        "openai",
        "demo",
        "report",
        "tune",
        "serve",
        "ann",
        "ray",
        "export",
    }
    assert all(isinstance(missing, list) for missing in found["extras"].values())


def test_the_cache_folder(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--cache wins over LLMINIT_CACHE, and this over the user's cache folder."""
    monkeypatch.setenv("LLMINIT_CACHE", "/from/variable")
    assert run("doctor", "--json", "--cache", "/from/option").json["cache"] == "/from/option"
    assert run("doctor", "--json").json["cache"] == "/from/variable"
    monkeypatch.delenv("LLMINIT_CACHE")
    assert run("doctor", "--json").json["cache"] == str(user_cache_folder())


def test_people_learn_how_to_install_extras(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is shown with its pip command."""
    monkeypatch.setattr("llminit.cli.doctor._version", lambda package: None if package == "model2vec" else "1")
    ran = run("doctor")
    assert ran.code == 0
    assert "extra static: missing; pip install 'llminit[static]'" in ran.stdout
    assert "extra openai: installed" in ran.stdout


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["data", "get"]])
def test_help(run: Run, command: list[str]) -> None:
    """Each command explains itself, with code 0."""
    ran = run(*command, "--help")
    assert ran.code == 0
    assert "Usage" in ran.stdout


def test_no_arguments_and_unknown_command(run: Run) -> None:
    """Without a command the help is shown; an unknown command is named; both are wrong usage."""
    assert run().code == 2
    ran = run("fitt")
    assert ran.code == 2
    assert "fitt" in ran.stderr


def test_an_unexpected_error_is_a_message_and_exit_code_1(
    run: Run, monkeypatch: pytest.MonkeyPatch, fitted: Path
) -> None:
    """An unexpected error is one line with the kind of error, exit code 1, without a traceback."""

    def broken(*_arguments: object, **_options: object) -> NoReturn:
        raise RuntimeError("gremlins")

    monkeypatch.setattr("llminit.recommender.recommender.Recommender.load", broken)
    ran = run("similar", fitted, "--item", "i01")
    assert ran.code == 1
    assert "RuntimeError: gremlins" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch, fitted: Path) -> None:
    """Ctrl-C ends with code 130 and without a traceback."""

    def interrupted(*_arguments: object, **_options: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("llminit.recommender.recommender.Recommender.load", interrupted)
    ran = run("similar", fitted, "--item", "i01")
    assert ran.code == 130
    assert "Traceback" not in ran.stderr
