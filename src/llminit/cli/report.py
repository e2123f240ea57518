"""`llminit report`: the results of a comparison, or of a fit, as one page."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `llminit compare` or `llminit fit` wrote.")],
    out: Annotated[Path, typer.Option(help="The HTML file.")] = Path("report.html"),
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Write the results of a comparison, or of a fit, as one HTML file, which can be read offline and on a phone."""
    from llminit.report import write_report

    written = write_report(folder, out, reporter=RichReporter())
    if as_json:
        print_json({"out": str(written), "bytes": written.stat().st_size})
    else:
        typer.echo(f"report saved to {written}")
