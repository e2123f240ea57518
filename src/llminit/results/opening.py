"""Opening the results of a comparison, however they are stored."""

from pathlib import Path

from llminit.results.archive import Archive
from llminit.results.folder import ResultsFolder
from llminit.results.readable import Results


def open_results(path: str | Path) -> Results:
    """Open results for reading: an archive where there is one, else a results folder.

    Args:
        path: What `llminit compare` or `write_archive` wrote. Missing and damaged files are noticed when they are read.
    """
    archive = Archive(path)
    return archive if archive.exists else ResultsFolder(path)
