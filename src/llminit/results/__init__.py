"""The result files of a comparison: written by `llminit.comparison`, read by reports and verdicts."""

from llminit.results.cell import Cell, Failure, Header
from llminit.results.folder import ResultsFolder
from llminit.results.key import CellKey, Method, distinct_labels

__all__ = ["Cell", "CellKey", "Failure", "Header", "Method", "ResultsFolder", "distinct_labels"]
