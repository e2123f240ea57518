"""Progress bars in a terminal of 80 columns."""

import io
import math
import re

import pytest
from rich.console import Console

from llminit import reporters

WIDTH = 80
STATUS = "ndcg@10 0.0614, best 0.0688 at epoch 16; stops in 4 if none is better"
CELLS = "; ".join(
    ["best so far lightgcn + whiten 0.1234 ndcg@10", *[f"[lightgcn_whiten_d128_seed-{n}: 3/300]" for n in "123"]]
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal that keeps what is written to it."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=WIDTH, height=24, soft_wrap=True, emoji=False)
    monkeypatch.setattr(reporters, "stderr", console)
    return screen


def lines_of(screen: io.StringIO) -> list[str]:
    """Return all lines that were ever drawn, without colours and movements."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


@pytest.mark.parametrize("name", ["training mf", "training lightgcn", "download ml-latest-small.zip"])
@pytest.mark.parametrize("status", [STATUS, CELLS, "a [b] :smile: [/c]"])
def test_a_bar_is_legible_at_80_columns(terminal: io.StringIO, name: str, status: str) -> None:
    """Count, elapsed time, time left and the whole status are shown; nothing is cut, and no line is too long."""
    with reporters.RichReporter().task(name, 300) as task:
        task.advance(112, status, 5000)
    lines = lines_of(terminal)
    assert max(map(len, lines)) <= WIDTH
    assert not any("\u2026" in line for line in lines)
    (bar,) = {line for line in lines if "112/300" in line}
    assert re.fullmatch(rf"{re.escape(name)} [\u2501\u2578\u257a]+ 112/300 0:00:0\d about 83 min left", bar)
    first = lines.index(bar) + 1
    shown = " ".join(line.strip() for line in lines[first : first + 1 + len(status) // (WIDTH - 4)])
    assert shown == status


def test_an_unknown_time_is_not_shown(terminal: io.StringIO) -> None:
    """Before anything is known of the time left, and where the work says that nothing is, the bar says nothing."""
    with reporters.RichReporter().task("training mf", 300) as task:
        task.advance(0)
        task.advance(1, STATUS, math.inf)
    assert not [line for line in lines_of(terminal) if "left" in line or "-:--" in line]
