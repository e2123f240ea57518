"""One self-contained HTML page from the result files of a comparison."""

from llminit.report.write import write_report

__all__ = ["write_report"]
