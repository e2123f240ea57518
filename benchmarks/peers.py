"""The environments of other libraries, created once beside the scripts.

RecBole 1.2.1 needs older libraries than LLMInit; irspack and implicit stand apart so that theirs change nothing here.
"""

import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers" / "recbole"
# RecBole is installed without its requirements: ray, plotly and hyperopt serve only its search for parameters.
REQUIREMENTS = [
    "torch==2.13.0",
    "numpy<2",
    "pandas<2.2",
    "scipy<1.11",
    "setuptools<80",
    "scikit-learn",
    "pyyaml",
    "tqdm",
    "colorlog",
    "colorama",
    "tensorboard",
    "tabulate",
    "texttable",
    "thop",
    "psutil",
]
# These work with the older libraries too.
SHARED = (
    "torch",
    "filelock",
    "fsspec",
    "jinja2",
    "joblib",
    "markupsafe",
    "mpmath",
    "narwhals",
    "networkx",
    "scikit-learn",
    "sympy",
    "threadpoolctl",
    "typing_extensions",
)

ALS_FOLDER = FOLDER.with_name("als")
ALS_REQUIREMENTS = ["irspack==0.5.2", "implicit==0.7.3"]


def als_python(folder: Path = ALS_FOLDER) -> Path:
    """Return the interpreter of an environment with irspack and implicit, which is created if missing."""
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"installing irspack and implicit into {folder} (once, a minute)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *ALS_REQUIREMENTS], check=True)
        ready.touch()
    return python


def recbole_python(folder: Path = FOLDER) -> Path:
    """Return the interpreter of an environment with RecBole, which is created if missing.

    Raises:
        SystemExit: This is not Python 3.11, for which RecBole's old requirements still have wheels.
    """
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.exists():
        return python
    if sys.version_info[:2] != (3, 11):
        raise SystemExit(f"found Python {sys.version.split()[0]}, RecBole's environment needs 3.11; run it with that")
    print(f"installing RecBole into {folder} (once, a few minutes)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    _share(python, folder)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *REQUIREMENTS], check=True)
    subprocess.run([*install, "--no-deps", "recbole==1.2.1"], check=True)
    ready.touch()
    return python


def _share(python: Path, folder: Path) -> None:
    """Let an environment find some of this one's packages, so that they are neither fetched nor kept twice."""
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site_packages = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    shared = folder / "shared"
    shared.mkdir()
    for name in SHARED:
        with suppress(metadata.PackageNotFoundError):  # Then pip fetches it.
            found = metadata.distribution(name)
            for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                (shared / top).symlink_to(Path(str(found.locate_file(top))))
    (Path(site_packages) / "shared.pth").write_text(f"{shared.resolve()}\n", encoding="utf-8")


if __name__ == "__main__":
    print(recbole_python())
