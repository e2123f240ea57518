"""The verdict, first and in plain words."""

from llminit.report.html import Section, escaped, paragraph, sentence
from llminit.report.loaded import Loaded, protocols_of
from llminit.report.numbers import decimals, interval
from llminit.report.plots import REFERENCE
from llminit.results import Method
from llminit.results.key import FULL
from llminit.verdicts.wording import headline

STANDARD = "standard"
_MOST_NAMED = 5


def section(loaded: Loaded) -> Section:
    """Return the section."""
    found = headline(loaded.main_verdicts(STANDARD), loaded.by_seed("recall", STANDARD))
    sentences = found or ["Nothing that can be compared is finished yet."]
    items = "".join(f"<li>{sentence(each)}</li>" for each in [*_unfinished(loaded), *sentences, *_without_text(loaded)])
    body = f'<ul class="verdict">{items}</ul>{_tiles(loaded)}{paragraph(_how_sure(loaded), "note")}'
    return Section("verdict", "The verdict", "Verdict", body)


def _unfinished(loaded: Loaded) -> list[str]:
    missing, n_planned = loaded.missing, len(loaded.header.planned)
    if not missing:
        return []
    n_more = len(missing) - _MOST_NAMED
    shown = ", ".join(missing[:_MOST_NAMED]) + (f" and {n_more} more" if n_more > 0 else "")
    there = f"Not finished: {n_planned - len(missing)} of {n_planned} runs are there, so what follows may change."
    return [f"{there} The same compare command runs the others: {shown}."]


def _without_text(loaded: Loaded) -> list[str]:
    n_items = loaded.header.data.get("n_items")
    missing = {name: n for name, each in loaded.header.encoders.items() if (n := each.get("n_missing"))}
    says = "have no text embedding in {name}: whatever uses text, baselines too, knows less than it could."
    return [f"{n} of {n_items} items {says.format(name=name)}" for name, n in missing.items()]


def _how_sure(loaded: Loaded) -> str:
    fewest, most = (end(len(loaded.cells_of(each)) for each in loaded.main) for end in (min, max))
    seeds = f"{most} seeds" if fewest == most else f"{fewest} to {most} seeds"
    seeds = seeds if most > 1 else "one seed, so nothing is known about another training run"
    return (
        f"All of this is under the standard protocol (seen items removed from the ranking), recall@{loaded.k}, from "
        f"{seeds}{_of_which_size(loaded)}. Every comparison, under both protocols, is in the last table."
    )


def _of_which_size(loaded: Loaded) -> str:
    """Say which embedding size was compared where there are several."""
    chosen = [each for each in loaded.methods if each.kind == "backbone" and each.selector != FULL]
    sizes = {each.embedding_size for each in chosen}
    main = {each.embedding_size for each in chosen if each in loaded.main}
    if len(sizes) < 2 or len(main) != 1:
        return ""
    return f", with embeddings of {main.pop()} dimensions; other sizes are in the sections below"


def _tiles(loaded: Loaded) -> str:
    with_text = loaded.best(each for each in loaded.main if each.kind == "backbone" and each.init != REFERENCE)
    found = {
        "Best with text": with_text,
        f"The same backbone from {REFERENCE}": loaded.reference(with_text) if with_text else None,
        "Strongest baseline": loaded.best(each for each in loaded.main if each.kind == "baseline"),
    }
    tiles = "".join(_tile(loaded, title, method) for title, method in found.items() if method)
    return f'<dl class="tiles">{tiles}</dl>' if tiles else ""


def _tile(loaded: Loaded, title: str, method: Method) -> str:
    standard = loaded.mean(method, "recall")
    if standard is None:
        return ""
    others = [
        f"{protocol}: {decimals(mean.mean)}"
        for protocol in protocols_of(loaded)
        if protocol != STANDARD and (mean := loaded.mean(method, "recall", protocol))
    ]
    lines = [
        f'<dd class="name">{escaped(loaded.labels.get(method, method.label))}</dd>',
        f'<dd class="big">{decimals(standard.mean)}</dd>',
        f'<dd class="small">recall@{loaded.k} {escaped(interval(standard))}<br>{escaped(", ".join(others))}</dd>',
    ]
    return f'<div class="tile"><dt>{escaped(title)}</dt>{"".join(lines)}</div>'
