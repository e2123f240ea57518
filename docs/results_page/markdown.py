"""Tables and numbers as Markdown."""

import math
from collections.abc import Iterable, Sequence

from llminit.verdicts.record import Verdict

DASH = "–"
PICTURES = "pictures"
"""The folder of the pictures, beside the page."""

SIGNS = {"better": "▲", "worse": "▼", "no difference shown": "○"}
SIGNS_OF_FEW_SEEDS = SIGNS | {"better": "△", "worse": "▽"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = (0,)) -> list[str]:
    """Return the lines of a table and an empty one.

    Args:
        head: The names of the columns.
        rows: The cells.
        words: Which columns hold words; the others are aligned to the right.
    """
    marks = ["---" if place in words else "--:" for place in range(len(head))]
    return [_row(head), f"|{'|'.join(marks)}|", *map(_row, rows), ""]


def picture(name: str, alt: str) -> list[str]:
    """Return the lines that show a picture in the colours that the reader's browser prefers, and an empty one.

    Args:
        name: The start of the names of its files in `PICTURES`.
        alt: What it shows, for who cannot see it.
    """
    return [
        "<picture>",
        f'  <source media="(prefers-color-scheme: dark)" srcset="{PICTURES}/{name}-dark.svg">',
        f'  <img alt="{alt}" src="{PICTURES}/{name}-light.svg" width="840">',
        "</picture>",
        "",
    ]


def share(value: float | None, digits: int = 4) -> str:
    """Return a number between -1 and 1 without its leading zero; missing is a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{abs(value):.{digits}f}"
    return ("−" if value < 0 else "") + (text.removeprefix("0") if text.startswith("0.") else text)


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation over seeds; the deviation is left out for one seed."""
    if not values:
        return DASH
    mean = sum(values) / len(values)
    if len(values) == 1:
        return share(mean)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return f"{share(mean)} ± {share(deviation)}"


def number(value: float | None) -> str:
    """Return a number with thousands apart, below 10 with one decimal, below 1 with two; missing is a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:,.{0 if abs(value) >= 10 else 1 if abs(value) >= 1 else 2}f}"


def percent(value: float) -> str:
    """Return a share in percent with its sign; three digits are enough from 100 % on."""
    return f"{100 * value:+.{1 if abs(value) < 1 else 0}f}".replace("-", "−")


def gain(verdict: Verdict | None) -> str:
    """Return outcome, gain in percent, its interval and the corrected p-value for a table: "▲ +4.1 [1.2, 7.0] .010".

    Outcomes that say nothing of another training run have hollow signs.
    """
    if verdict is None:
        return DASH
    signs = SIGNS if verdict.covers_training else SIGNS_OF_FEW_SEEDS
    return " ".join([signs[verdict.outcome], *_gain(verdict, ""), p_value(verdict.p_corrected)])


def gain_in_words(verdict: Verdict) -> str:
    """Return the same for a sentence: "+4.1 % [1.2, 7.0], p = .010"."""
    shown = " ".join(_gain(verdict, " %"))
    return ", ".join([*([shown] if shown else []), p_in_words(verdict.p_corrected)])


def p_in_words(value: float) -> str:
    """Return a p-value for a sentence: "p = .010" or "p < .001"."""
    return f"p {'' if value < 0.001 else '= '}{p_value(value)}".replace("<", "< ")


def p_value(value: float) -> str:
    """Return a p-value with three decimals."""
    return "<.001" if value < 0.001 else share(value, 3)


def count(n: int, what: str) -> str:
    """Return a number with its noun."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def in_a_line(title: str) -> str:
    """Return a heading as part of a sentence."""
    return title[:1].lower() + title[1:]


def listed(parts: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def _gain(verdict: Verdict, unit: str) -> list[str]:
    shown = [percent(verdict.gain) + unit] if math.isfinite(verdict.gain) else []
    if all(map(math.isfinite, verdict.interval)):
        low, high = (percent(bound).removeprefix("+") for bound in verdict.interval)
        shown.append(f"[{low}, {high}]")
    return shown


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
