"""The extras that `llminit doctor` knows are those that can be installed."""

import re
import tomllib
from pathlib import Path

from llminit.cli.doctor import EXTRAS

DEVELOPMENT = {"test", "lint"}


def test_doctor_knows_every_extra_and_its_packages() -> None:
    """Doctor looks for the packages that pyproject.toml names for each extra, no more and no fewer."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = {
        extra: {re.split(r"[<>=!~\[;]", requirement)[0] for requirement in requirements}
        for extra, requirements in project["optional-dependencies"].items()
    }
    assert {extra: set(names) for extra, names in EXTRAS.items()} == {
        extra: names for extra, names in packages.items() if extra not in DEVELOPMENT
    }
