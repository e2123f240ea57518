"""The result files of a comparison: written by `llminit.comparison`, read by reports and verdicts."""

from llminit.results.archive import Archive
from llminit.results.archiving import write_archive
from llminit.results.cell import Cell, Failure, Header
from llminit.results.cold import ColdCell, ColdFailure
from llminit.results.folder import ResultsFolder
from llminit.results.joined import Joined
from llminit.results.key import CellKey, ColdKey, Method, distinct_labels
from llminit.results.opening import open_results
from llminit.results.readable import Results

__all__ = [
    "Archive",
    "Cell",
    "CellKey",
    "ColdCell",
    "ColdFailure",
    "ColdKey",
    "Failure",
    "Header",
    "Joined",
    "Method",
    "Results",
    "ResultsFolder",
    "distinct_labels",
    "open_results",
    "write_archive",
]
