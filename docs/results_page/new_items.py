"""Items that training has never seen, from the results of benchmarks/cold.py."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from llminit.errors import ArtefactError
from llminit.report.curves_svg import DialLine, draw_curves
from llminit.report.styles import assign_styles
from llminit.report.svg import SCHEMES, Scheme
from llminit.results import ColdCell, ColdKey, Method
from llminit.results.cold import TRADES
from llminit.verdicts.cold import ColdVerdict, cold_verdicts
from results_page.markdown import DASH, SIGNS, count, p_value, picture, share, spread, table
from results_page.sources import NewItems, Plan

_TEXT = (
    "Items were kept out of training and then ranked in the whole catalogue, known by their text alone. What they get "
    "they take from the others, so each way has a dial: at 2 % loss it stands where the other items have lost 2 % of "
    "the recall@10 that this way gives them. The table has recall@10 of the new items there, with standard deviations "
    "over seeds; beside it, what the others have without any new item, and the share of the places in lists of ten "
    "that new items take at {at}. [More ways, what was tried and how a new item gets its place](cold.md)."
)
_TESTED = (
    "Each model against each other way at the same loss, by Student's t over seeds (a pair is a seed), corrected for "
    "all comparisons below the same picture: ▲ better, ▼ worse, ○ no difference is shown."
)


@dataclass(frozen=True)
class Measured:
    """What was measured of new items under one heading.

    Attributes:
        source: The file and its heading.
        number: Its place on the page.
        cells: A cell a way and seed.
        setting: What was held out, in words.
    """

    source: NewItems
    number: int
    cells: Sequence[ColdCell]
    setting: str

    @property
    def by_method(self) -> dict[Method, list[ColdCell]]:
        """The cells of each way, the best at the first trade first."""
        found: dict[Method, list[ColdCell]] = {}
        for cell in self.cells:
            found.setdefault(cell.key.method, []).append(cell)
        return dict(sorted(found.items(), key=lambda pair: -mean(cell.at(TRADES[0], "recall@10") for cell in pair[1])))


def load(plan: Plan, folder: Path) -> list[Measured]:
    """Read the result files that the plan names.

    Args:
        plan: The plan.
        folder: Its folder, which the files' paths are relative to.

    Raises:
        ArtefactError: A file cannot be read.
    """
    return [_read(source, number, folder / source.file) for number, source in enumerate(plan.new_items)]


def section(measured: Sequence[Measured]) -> list[str]:
    """Return the lines of the section; none where nothing was measured."""
    if not measured:
        return []
    lines = ["## New items", "", _TEXT.format(at=_at(TRADES[0])), "", _TESTED, ""]
    for one in measured:
        seeds = count(len({cell.key.seed for cell in one.cells}), "seed")
        alt = f"recall@10 of new items against what the others lose: {one.source.title}"
        lines += [f"### New items: {one.source.title}", "", f"{one.setting}; {seeds}. {one.source.text}".rstrip(), ""]
        lines += [*picture(f"new-items-{one.number}", alt), *_table(one), *_said(one)]
    return lines


def drawn(measured: Sequence[Measured]) -> dict[str, str]:
    """Return the pictures as SVG text, by the names of their files."""
    return {f"new-items-{one.number}-{scheme}.svg": _drawn(one, scheme) for one in measured for scheme in SCHEMES}


def _read(source: NewItems, number: int, path: Path) -> Measured:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = [
            _cell(way, run["seed"], curve, name)
            for run in content["runs"]
            if run["data"] == source.data
            for name, way, curve in _ways(run, source.ways)
        ]
        return Measured(source, number, cells, content["setting"].replace("%", " %"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is not a result of benchmarks/cold.py ({error!r}); make it again") from error


def _ways(run: Mapping[str, object], ways: Mapping[str, str]) -> list[tuple[str, str, dict[str, object]]]:
    """Return the name, the key and the curve of each way of a run that is shown."""
    curves = run["ways"]
    keys = [(name, f"{run['side']}: {name}") for name in curves]  # type: ignore[attr-defined]
    return [(ways[key], key, curves[name]) for name, key in keys if key in ways]  # type: ignore[index]


def _cell(way: str, seed: int, curve: dict[str, object], name: str) -> ColdCell:
    is_trained = not way.startswith("others: ")
    key = ColdKey(model=name, init="whiten" if is_trained else None, seed=seed, cold_share=0.1)
    rows: list[dict[str, float]] = curve["rows"]  # type: ignore[assignment]
    warm, among = ({"recall@10": float(str(curve[part]))} for part in ("warm", "among_cold"))
    return ColdCell(key=key, fingerprint="", warm=warm, among_cold=among, rows=rows)


def _table(one: Measured) -> list[str]:
    verdicts = {(verdict.method, verdict.other, verdict.loss): verdict for verdict in cold_verdicts(one.cells)}
    trained = [method for method in one.by_method if method.kind == "backbone"]
    heads = [f"at {_at(loss)}" for loss in TRADES]
    against = [f"{method.model} against it, {head}" for method in trained for head in heads]
    rows = []
    for method, cells in one.by_method.items():
        at = [spread([cell.at(loss, "recall@10") for cell in cells]) for loss in TRADES]
        places = mean(cell.at(TRADES[0], "share_of_lists") for cell in cells)
        warm = spread([cell.warm["recall@10"] for cell in cells])
        signs = [_sign(verdicts.get((model, method, loss))) for model in trained for loss in TRADES]
        rows.append([method.model, warm, *at, f"{places:.1%}".replace("%", " %"), *signs])
    return table(["way", "others", *heads, "share of lists", *against], rows)


def _sign(verdict: ColdVerdict | None) -> str:
    if verdict is None:
        return DASH
    sign, plus = SIGNS[verdict.outcome], "+" if verdict.difference >= 0 else ""
    interval = f"[{share(verdict.low)}, {share(verdict.high)}]"
    return f"{sign} {plus}{share(verdict.difference)} {interval} {p_value(verdict.p_value)}"


def _said(one: Measured) -> list[str]:
    verdicts = cold_verdicts(one.cells)
    parts = []
    for method, loss in dict.fromkeys((verdict.method, verdict.loss) for verdict in verdicts):
        own = [verdict for verdict in verdicts if (verdict.method, verdict.loss) == (method, loss)]
        n_better = sum(verdict.outcome == "better" for verdict in own)
        rest = [verdict.other.model for verdict in own if verdict.outcome != "better"]
        missing = f", but not than {', '.join(rest)}" if rest else ""
        ways = f"{n_better} of {count(len(own), 'way')}"
        parts.append(f"at {_at(loss)} {method.model} was shown better than {ways}{missing}")
    words = "; ".join(parts)
    return [f"{words[:1].upper()}{words[1:]}.", ""] if words else []


def _at(loss: float) -> str:
    return f"{100 * loss:g} % loss"


def _drawn(one: Measured, scheme: Scheme) -> str:
    styles = assign_styles(sorted(method.model for method in one.by_method))
    lines = []
    for method, cells in one.by_method.items():
        losses = [float(row["warm_loss"]) for row in cells[0].rows]
        points = [(loss, mean(cell.at(loss, "recall@10") for cell in cells)) for loss in losses]
        lines.append(DialLine(method.model, points, styles[method.model]))
    return draw_curves(lines, scheme, TRADES)
