"""What learning gives: a model and how it came about."""

from dataclasses import dataclass, field
from typing import Any

from llminit.arrays import FloatArray
from llminit.evaluation import Scorer
from llminit.models.backbone import HistoryRows
from llminit.models.cold import ColdText
from llminit.models.serving import ServingModel
from llminit.selectors import Selection


@dataclass(frozen=True, eq=False)
class Learned:
    """A model and how it came about.

    Attributes:
        model: What is saved and serves.
        scorer: What is measured.
        options: The options that validation chose.
        best_epoch: The epoch that validation chose; None for a baseline.
        history: One record an epoch.
        selection: The fitted selection; None without text.
        cold: For each model that it is made of, what gives the weights of an item that comes later; None where there is
            no closed form.
        users_from: For each model that it is made of, what makes a user of a history exactly; None where nothing does.
        distilled: How near two tables come to the mixture that they were distilled from; None where nothing was.
        rows: A backbone's trained rows, where `refresh` can go on from them; see `TrainingResult`.
        n_items_without_text: Items that started from the mean embedding.
        n_users_without_history: Users that started from the mean embedding.
        seconds: How long training or fitting took, in all its resumed parts.
        earlier_seconds: The share of them that killed calls took.
    """

    model: ServingModel
    scorer: Scorer
    options: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    selection: Selection | None = None
    cold: tuple[ColdText | None, ...] = (None,)
    users_from: tuple[HistoryRows | None, ...] = (None,)
    distilled: dict[str, Any] | None = None
    rows: FloatArray | None = None
    n_items_without_text: int = 0
    n_users_without_history: int = 0
    seconds: float = 0.0
    earlier_seconds: float = 0.0
