"""Keeps results folders, as `llminit compare` makes them, as the small archives that docs/results.md is written from.

python docs/archive_results.py results/beauty results/toys --out docs/results

An archive can be read by `llminit report` and by docs/write_results.py, but `llminit compare` cannot extend it. With
`--extend` an archive that is there keeps its cells, and gets those that the folder has beside them, which has to be of
the same data and options: so a new method is compared in a folder of its own.
"""

import argparse
from pathlib import Path

from llminit.errors import LLMInitError
from llminit.results import Archive, Joined, open_results, write_archive
from llminit.results.archiving import RANKS_UP_TO


def main(arguments: list[str] | None = None) -> None:
    """Write an archive of each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="results folders")
    parser.add_argument("--out", type=Path, required=True, help="where the archives are put, each named as its folder")
    parser.add_argument("--ranks-up-to", type=int, default=RANKS_UP_TO, help="how far ranks are kept")
    parser.add_argument("--extend", action="store_true", help="keep the cells of archives that are there")
    given = parser.parse_args(arguments)
    try:
        for folder in given.folders:
            results, there = open_results(folder), Archive(given.out / folder.resolve().name)
            if given.extend and there.exists:
                results = Joined(there, results)
            write_archive(results, there.path, ranks_up_to=given.ranks_up_to)
    except LLMInitError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
