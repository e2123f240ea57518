"""Reads the data of a report from results."""

from dataclasses import replace

import polars as pl

from llminit.errors import DataError
from llminit.progress import SILENT, Reporter
from llminit.report.data import ReportData
from llminit.results import ColdFailure, Failure, Results, ResultsFolder
from llminit.results.tables import read_table
from llminit.results.tidy import tidy_rows
from llminit.verdicts.judge import judgement_of

_COORDINATES = ("x_text", "y_text", "x_trained", "y_trained")
_MAP_COLUMNS = ("item", *_COORDINATES, "title", "popularity")


def read_report_data(folder: Results, *, reporter: Reporter = SILENT) -> ReportData:
    """Read all that a report shows, and judge its comparisons.

    Args:
        folder: What `llminit compare` wrote.
        reporter: Receives progress.

    Raises:
        ArtefactError: Something in the folder is damaged.
        DataError: No cell is finished yet.
    """
    header, cells = folder.header, folder.cells()
    if not cells:
        raise DataError(f"{folder.path} has no finished cell yet; let `llminit compare` finish one, then report again")
    cold = folder.cold_cells()
    failures: list[Failure | ColdFailure] = [*folder.failures(), *_cold_failures(folder)]
    data = ReportData(header, cells, tidy_rows(cells), failures, {}, _read_maps(folder), cold)
    judgement = judgement_of(folder, f"recall@{data.k}", reporter=reporter)
    return replace(data, verdicts={protocol: judgement.verdicts[protocol] for protocol in data.protocols})


def _cold_failures(folder: Results) -> list[ColdFailure]:
    return folder.cold.failures() if isinstance(folder, ResultsFolder) else []


def _read_maps(folder: Results) -> dict[str, pl.DataFrame]:
    maps = {}
    for file in folder.maps() if isinstance(folder, ResultsFolder) else []:
        items = read_table(file, _MAP_COLUMNS, "delete it: the report leaves the map out")
        maps[file.stem] = items.drop_nulls(list(_COORDINATES))
    return {name: items for name, items in maps.items() if len(items)}
