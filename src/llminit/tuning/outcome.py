"""What a trial gives, and what may be said to it while it runs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Word = Literal["go on", "prune", "stop"]
"""What a trial hears after an epoch: `prune`, as it is worse than others were; `stop`, as the time is up."""

AskAfterEpoch = Callable[[int, float], Word]
"""Takes an epoch and its validation metric."""


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        state: "finished"; "pruned"; "failed", with an error; or "stopped", which counts as not begun.
        value: The validation metric's mean over the splits; None unless it finished.
        values: The metric of each split.
        best_epochs: The best epoch of each split; None for a baseline.
        chosen: What the model chose on the validation interactions of the first split, such as the hops' weights.
        seconds: How long it took.
        error: Why it failed.
    """

    state: Literal["finished", "pruned", "failed", "stopped"]
    value: float | None = None
    values: list[float] = field(default_factory=list)
    best_epochs: list[int | None] = field(default_factory=list)
    chosen: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as values that can be written as JSON."""
        return asdict(self)


class Ended(Exception):  # noqa: N818 - no error: it leaves a training that is not to go on
    """A trial is not to go on.

    Attributes:
        word: Why.
    """

    def __init__(self, word: Word) -> None:
        super().__init__(word)
        self.word: Word = word
