"""Keeps results folders, as `llminit compare` makes them, as the small archives that docs/results.md is written from.

python docs/archive_results.py results/beauty results/toys --out docs/results

An archive can be read by `llminit report` and by docs/write_results.py, but `llminit compare` cannot extend it: keep
the folders that it was made from for as long as they may grow.
"""

import argparse
from pathlib import Path

from llminit.errors import LLMInitError
from llminit.results import open_results, write_archive
from llminit.results.archiving import RANKS_UP_TO


def main(arguments: list[str] | None = None) -> None:
    """Write an archive of each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results folders")
    parser.add_argument("--out", type=Path, required=True, help="where the archives are put, each named as its folder")
    parser.add_argument("--ranks-up-to", type=int, default=RANKS_UP_TO, help="how far ranks are kept")
    given = parser.parse_args(arguments)
    try:
        for folder in given.folders:
            write_archive(open_results(folder), given.out / folder.resolve().name, ranks_up_to=given.ranks_up_to)
    except LLMInitError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
