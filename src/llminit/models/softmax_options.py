"""The options of backbones that are trained by the softmax or one of its relatives.

Which loss takes which option is said once, in `_LOSSES_OF`: an option of another loss is refused, and not ignored.
"""

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from llminit.models.hops import HopConfig
from llminit.models.softmax_losses import Surrogate

Loss = Literal["softmax", "sl@k", "bsl", "psl", "directau"]

TEMPERATURES = (0.01, 1.0)
"""The least and the highest value of a learned temperature."""

_LOSSES_OF: dict[str, tuple[Loss, ...]] = {
    "temperature": ("softmax", "sl@k", "bsl", "psl"),
    "sampled_negatives": ("softmax", "sl@k", "bsl", "psl"),
    "log_q": ("softmax", "sl@k", "bsl", "psl"),
    "learn_temperature": ("softmax", "sl@k", "psl"),
    "quantile_k": ("sl@k",),
    "quantile_sample": ("sl@k",),
    "quantile_every": ("sl@k",),
    "weight_temperature": ("sl@k",),
    "positive_temperature": ("bsl",),
    "negative_power": ("bsl",),
    "surrogate": ("psl",),
    "gamma": ("directau",),
}


class LossConfig(HopConfig):
    """The hyper-parameters of the loss; `llminit.models.softmax_losses` has the formulas."""

    # The loss comes first: the validators of the others look at it.
    loss: Loss = "softmax"
    """softmax, sl@k, bsl, psl or directau."""
    temperature: float = Field(default=0.15, gt=0)
    """What cosines are divided by in the loss; with bsl, those of negatives."""
    sampled_negatives: bool = False
    """Beside the items of the batch, draw one item for each pair as a negative of all pairs."""
    log_q: float = Field(default=0.0, ge=0)
    """Weight of the correction for drawing negatives by popularity; 1 is the exact one, 0 none."""
    learn_temperature: bool = False
    """Train the temperature's logarithm, from `temperature` on; kept between 0.01 and 1. Not with bsl and directau."""
    quantile_k: int = Field(default=20, ge=1)
    """Of sl@k: the length of the lists that count."""
    quantile_sample: int = Field(default=1000, ge=1)
    """Of sl@k: items that are drawn to estimate the quantiles, beside each user's own."""
    quantile_every: int = Field(default=1, ge=1)
    """Of sl@k: epochs between two estimates of the quantiles."""
    weight_temperature: float = Field(default=1.0, gt=0)
    """Of sl@k: what differences to the quantile are divided by in the weight of a pair."""
    positive_temperature: float | None = Field(default=None, gt=0)
    """Of bsl: what the positives' cosines are divided by; by default the temperature."""
    negative_power: float | None = Field(default=None, gt=0)
    """Of bsl: the exponent of the sum over negatives; by default temperature / positive_temperature, the paper's."""
    surrogate: Surrogate = "tanh"
    """Of psl: what stands for the step at zero: tanh, atan or relu."""
    gamma: float = Field(default=1.0, ge=0)
    """Of directau: the weight of uniformity."""
    anchor_weight: float = Field(default=0.0, ge=0)
    """Weight of half the squared distances of the batch's rows to their start, both at length 1."""

    @property
    def has_compiled_step(self) -> bool:
        """Whether `llminit.compiled` has the loss; it trains the embeddings alone, and does not compare users."""
        return self.loss != "directau" and not self.learn_temperature

    @property
    def temperature_of_positives(self) -> float:
        """The positives' temperature in bsl."""
        return self.temperature if self.positive_temperature is None else self.positive_temperature

    @property
    def power_of_negatives(self) -> float:
        """The exponent of the sum over negatives in bsl."""
        ratio = self.temperature / self.temperature_of_positives
        return ratio if self.negative_power is None else self.negative_power

    @field_validator(*_LOSSES_OF)
    @classmethod
    def _is_of_the_loss(cls, value: Any, info: ValidationInfo) -> Any:
        name, loss = info.field_name or "", info.data.get("loss")
        takers = _LOSSES_OF[name]
        if loss is not None and loss not in takers and value != cls.model_fields[name].default:
            raise ValueError(f"loss={loss!r} has no {name}; leave it out, or choose the loss {' or '.join(takers)}")
        return value

    @field_validator("learn_temperature")
    @classmethod
    def _starts_within_bounds(cls, value: bool, info: ValidationInfo) -> bool:
        low, high = TEMPERATURES
        temperature = info.data.get("temperature")
        if value and temperature is not None and not low <= temperature <= high:
            raise ValueError(
                f"a learned temperature is kept between {low} and {high:g}, and temperature={temperature:g} is where "
                "it starts; choose one in between"
            )
        return value
