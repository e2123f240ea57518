"""From a results folder to one HTML file that needs nothing else."""

import base64
from collections.abc import Callable
from importlib import resources, util
from pathlib import Path
from string import Template

import polars as pl
from polars.exceptions import PolarsError

from llminit.checksums import sha256_of
from llminit.errors import ArtefactError, DataError, MissingExtraError
from llminit.progress import SILENT, Reporter
from llminit.report.html import Section, escaped
from llminit.report.loaded import Loaded, protocols_of
from llminit.report.sections import (
    beyond,
    collapse,
    comparisons,
    cost,
    groups,
    learning,
    maps,
    reproduce,
    results,
    sparsity,
    verdict,
)
from llminit.results import Results, open_results
from llminit.results.tidy import tidy_rows
from llminit.storage import replacing_file
from llminit.verdicts.judge import verdicts_of

_SECTIONS: tuple[Callable[[Loaded], Section | None], ...] = (
    verdict.section,
    results.section,
    learning.section,
    groups.section,
    sparsity.section,
    collapse.section,
    beyond.section,
    maps.section,
    cost.section,
    comparisons.section,
    reproduce.section,
)
_MAP_COLUMNS = ("item", "x_text", "y_text", "x_trained", "y_trained", "title", "popularity")


def write_report(folder: str | Path, out: str | Path, *, reporter: Reporter = SILENT) -> Path:
    """Write the report of a comparison as one HTML file that loads nothing from elsewhere.

    Args:
        folder: What `llminit compare` wrote, or an archive of it.
        out: The HTML file, created or replaced.
        reporter: Receives progress.

    Returns:
        The path of the HTML file.

    Raises:
        ArtefactError: The folder is not one of results, or something in it is damaged.
        DataError: No cell is finished yet.
        MissingExtraError: The extra `report` is not installed.
        StorageError: The file cannot be written.
    """
    if util.find_spec("plotly") is None:
        raise MissingExtraError("a report", "report")
    page = page_of(load(open_results(folder), reporter=reporter))
    with replacing_file(Path(out)) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return Path(out)


def load(folder: Results, *, reporter: Reporter = SILENT) -> Loaded:
    """Read all that a report shows.

    Raises:
        ArtefactError: Something in the folder is damaged.
        DataError: No cell is finished yet.
    """
    header, cells = folder.header, folder.cells()
    if not cells:
        raise DataError(f"{folder.path} has no finished cell yet; let `llminit compare` finish one, then report again")
    loaded = Loaded(header, cells, tidy_rows(cells), folder.failures(), {}, _maps(folder))
    for protocol in protocols_of(loaded):
        loaded.verdicts[protocol] = verdicts_of(folder, f"recall@{loaded.k}", protocol, reporter=reporter)
    return loaded


def page_of(loaded: Loaded) -> str:
    """Return the page as HTML."""
    from plotly.offline import get_plotlyjs

    from llminit.version import __version__

    sections = [section for make in _SECTIONS if (section := make(loaded)) is not None]
    # The page allows these two scripts by their digests, so that nothing else in it can ever run as one.
    scripts = [_inlined(get_plotlyjs()), _inlined(_asset("page.js"))]
    return Template(_asset("template.html")).substitute(
        version=escaped(__version__),
        title="Do text embeddings give a head start?",
        facts=escaped(_facts(loaded)),
        links="\n".join(f'<li><a href="#{each.name}">{escaped(each.link)}</a></li>' for each in sections),
        sections="\n".join(each.html() for each in sections),
        style=_asset("style.css"),
        script_hashes=" ".join(_digest(script) for script in scripts),
        plotly=f"<script>{scripts[0]}</script>",
        script=f"<script>{scripts[1]}</script>",
    )


def _facts(loaded: Loaded) -> str:
    data, n_seeds = loaded.header.data, len({cell.key.seed for cell in loaded.cells})
    counts = [f"{data[f'n_{name}']:,} {name}" for name in ("users", "items", "interactions") if f"n_{name}" in data]
    split = loaded.header.config.get("split")
    counts += [f"{split} split"] if split else []
    counts += [f"{n_seeds} seed{'s' if n_seeds != 1 else ''}", f"{len(loaded.cells)} trained and measured"]
    return " · ".join(counts)


def _maps(folder: Results) -> dict[str, pl.DataFrame]:
    found = {}
    for file in sorted((folder.path / "maps").glob("[!.]*.parquet")):
        try:
            items = pl.read_parquet(file, columns=list(_MAP_COLUMNS))
        except (OSError, PolarsError) as error:
            raise ArtefactError(f"{file} cannot be read ({error}); delete it: the report leaves the map out") from error
        found[file.stem] = items.drop_nulls([name for name in _MAP_COLUMNS if name[:2] in ("x_", "y_")])
    return {name: items for name, items in found.items() if len(items)}


def _asset(name: str) -> str:
    return (resources.files("llminit.report") / "page" / name).read_text(encoding="utf-8")


def _inlined(script: str) -> str:
    # Only this ends a script element; inside a JavaScript string the backslash changes nothing.
    return script.replace("</script", "<\\/script")


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(bytes.fromhex(sha256_of(script))).decode()}'"
