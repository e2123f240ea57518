"""The verdict in plain words, the first section."""

from llminit.report.content import Block, Paragraph, Section, SentenceList, Tile, Tiles
from llminit.report.data import ReportData
from llminit.report.numbers import decimals, interval
from llminit.report.styles import REFERENCE
from llminit.results import Method
from llminit.results.key import FULL
from llminit.verdicts.wording import headline

STANDARD = "standard"
_MAX_NAMED = 5
_NOTHING = "Nothing that can be compared is finished yet."


def section(data: ReportData) -> Section:
    """Return the section."""
    values = data.by_seed("recall", STANDARD)
    answer, *reasons = headline(data.main_verdicts(STANDARD), values, leave_one_out=data.leave_one_out) or [_NOTHING]
    blocks: list[Block] = [
        *(Paragraph(text, "note") for text in _unfinished(data)),
        Paragraph(answer, "answer"),
        *_tiles(data),
        SentenceList([*reasons, *_without_text(data)], "verdict"),
        Paragraph(_certainty(data), "note"),
    ]
    return Section("verdict", "The verdict", "Verdict", blocks)


def _unfinished(data: ReportData) -> list[str]:
    missing, n_planned = data.missing, len(data.header.planned)
    if not missing:
        return []
    n_more = len(missing) - _MAX_NAMED
    names = ", ".join(missing[:_MAX_NAMED]) + (f" and {n_more} more" if n_more > 0 else "")
    finished = f"Not finished: {n_planned - len(missing)} of {n_planned} runs are there, so what follows may change."
    return [f"{finished} The same compare command runs the others: {names}."]


def _without_text(data: ReportData) -> list[str]:
    n_items = data.header.data.get("n_items")
    n_missing = {name: n for name, encoder in data.header.encoders.items() if (n := encoder.get("n_missing"))}
    return [
        f"{n} of {n_items} items have no text embedding in {name}, which makes every method that uses text, baselines "
        "too, weaker than it could be."
        for name, n in n_missing.items()
    ]


def _certainty(data: ReportData) -> str:
    min_seeds, max_seeds = (end(len(data.cells_of(method)) for method in data.main) for end in (min, max))
    seeds = f"{max_seeds} seeds" if min_seeds == max_seeds else f"{min_seeds} to {max_seeds} seeds"
    seeds = seeds if max_seeds > 1 else "one seed, so nothing is known about another training run"
    return (
        f"All of this is under the standard protocol (seen items removed from the ranking), recall@{data.k}, from "
        f"{seeds}{_embedding_size(data)}. Every comparison, under both protocols, is in the last table."
    )


def _embedding_size(data: ReportData) -> str:
    """Name the embedding size of the verdict where several were compared."""
    chosen = [method for method in data.methods if method.kind == "backbone" and method.selector != FULL]
    sizes = {method.embedding_size for method in chosen}
    main = {method.embedding_size for method in chosen if method in data.main}
    if len(sizes) < 2 or len(main) != 1:
        return ""
    return f", with embeddings of {main.pop()} dimensions; other sizes are in the sections below"


def _tiles(data: ReportData) -> list[Tiles]:
    """Show what the answer is about: what validation picked, the same from xavier, and the strongest baseline."""
    chosen = data.choice
    without_text = data.reference(chosen) if chosen and chosen.init != REFERENCE else None
    methods = {
        "Picked by validation": chosen,
        f"The same backbone from {REFERENCE}": without_text,
        "Strongest baseline": data.best(method for method in data.main if method.kind == "baseline"),
    }
    tiles = [tile for title, method in methods.items() if method and (tile := _tile(data, title, method, chosen))]
    return [Tiles(tiles)] if tiles else []


def _tile(data: ReportData, title: str, method: Method, chosen: Method | None) -> Tile | None:
    """Show a method's mean over the seeds that what validation picked has, as the answer does."""
    standard = data.mean(method, "recall", beside=chosen)
    if standard is None:
        return None
    others = [
        f"{protocol}: {decimals(mean.mean)}"
        for protocol in data.protocols
        if protocol != STANDARD and (mean := data.mean(method, "recall", protocol, beside=chosen))
    ]
    details = [f"recall@{data.k} {interval(standard)}".rstrip(), ", ".join(others)]
    label = data.labels.get(method, method.label)
    return Tile(title, label, decimals(standard.mean), [detail for detail in details if detail])
