"""A separate environment with the example package, built and installed as its users would."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "package"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def separate_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the package's wheel; what it depends on is taken from this one."""
    folder = tmp_path_factory.mktemp("third-party")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(PACKAGE)]
    subprocess.run([*pip, *build], check=True)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], check=True)
    packages = next((folder / "env" / "lib").glob("python*/site-packages"))
    here = [sysconfig.get_path("purelib"), str(Path(__file__).resolve().parents[2] / "src")]
    (packages / "from-outside.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    return python


@pytest.fixture(scope="session")
def run(separate_environment: Path) -> Run:
    """Run that Python with arguments; more variables of the environment are keywords."""

    def run_python(*arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
        command = [str(separate_environment), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=300)

    return run_python
