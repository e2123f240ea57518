"""Messages of the library speak keywords, those of the command line flags."""

import ast
import re
from pathlib import Path

import pytest

import llminit
from llminit.cli.words import in_flags

SOURCE = Path(llminit.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def messages(path: Path) -> list[str]:
    """Return the texts that are raised or noted in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    noted = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note"
    ]
    inner = [part for node in (*said, *noted) for part in ast.walk(node)]
    return [part.value for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_the_library_speaks_no_flags() -> None:
    """No error or note outside of the command line names a flag: who calls a function has none."""
    files = [path for path in SOURCE.rglob("*.py") if "cli" not in path.relative_to(SOURCE).parts]
    found = {(path.name, text) for path in files for text in messages(path) if FLAG.search(text)}
    assert {text for _, text in found if "pip install" not in text} == set()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("k=0 cannot be used", "--k 0 cannot be used"),
        ("use init='xavier'; lower k_core, or", "use --init xavier; lower --k-core, or"),
        ("name it with user_column=NAME", "name it with --user-column NAME"),
        ("found: 'k_core', 'user_id=3'", "found: 'k_core', 'user_id=3'"),
        ("/data/k_core.csv has share=5", "/data/k_core.csv has share=5"),
        ("all of the text and the init", "all of the text and the init"),
    ],
)
def test_keywords_become_flags(message: str, expected: str) -> None:
    """Keywords of options are written as flags; what is quoted, paths, other options and plain words stay."""
    assert in_flags(message) == expected
