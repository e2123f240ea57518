"""Writes a report, of a comparison or of a fit, as one self-contained HTML file."""

from importlib import util
from pathlib import Path

from llminit.errors import MissingExtraError
from llminit.out_paths import check_out_file
from llminit.progress import Reporter
from llminit.report.fit_page import is_fit, read_fit
from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.reporters import automatic_reporter
from llminit.results import open_results
from llminit.storage import replacing_file

_PACKAGES = ("jinja2", "plotly")


def write_report(folder: str | Path, out: str | Path, *, reporter: Reporter | None = None) -> Path:
    """Write the report of a comparison, or of one fit, as one HTML file that loads nothing from elsewhere.

    Args:
        folder: What `llminit compare` wrote, or an archive of it; or what `llminit fit` wrote.
        out: The HTML file, created or replaced.
        reporter: Receives progress.

    Returns:
        The path of the HTML file.

    Raises:
        ArtefactError: The folder is not one of results, or something in it is damaged.
        DataError: No cell is finished yet.
        MissingExtraError: The extra `report` is not installed.
        StorageError: The file cannot be written; this is noticed before any work.
        ConfigError: The file is one of the results.
    """
    check_extra()
    # A page may be replaced, but nothing that it is made from.
    check_out_file(Path(out), (file for file in Path(folder).rglob("*") if file.suffix != ".html"))
    from llminit.report.render import render, render_fit

    if is_fit(Path(folder)):
        html = render_fit(read_fit(Path(folder)))
    else:
        html = render(page_content(read_report_data(open_results(folder), reporter=automatic_reporter(reporter))))
    with replacing_file(Path(out)) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return Path(out)


def check_extra() -> None:
    """Check, without importing them, that the packages of the extra `report` are installed.

    Raises:
        MissingExtraError: One or more are not; the message names them and the pip command.
    """
    missing = tuple(package for package in _PACKAGES if util.find_spec(package) is None)
    if missing:
        raise MissingExtraError("a report", "report", missing)
