"""A verdict: what is known of one method against another."""

from dataclasses import dataclass
from typing import Literal

from llminit.config import Protocol
from llminit.results.key import Method
from llminit.verdicts.families import Family
from llminit.verdicts.setting import Setting

Outcome = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Verdict:
    """What is known of one method against another.

    Attributes:
        family: "init", "control" or "baseline"; see `llminit.verdicts.families.Pair`.
        method: What is compared.
        reference: What it is compared with.
        label: The method's name, told apart from all others of the folder.
        reference_label: The reference's name.
        metric: As "recall@10".
        protocol: "standard" or "paper".
        n_seeds: Seeds that both have.
        n_users: Users evaluated at all of them.
        mean: The method's mean over these users and seeds.
        reference_mean: The reference's.
        gain: The difference as a share of the reference's mean; infinite where that is 0.
        interval: Lower and upper bound of the gain's 95 % interval, for this comparison on its own. It covers what the
            p-value covers; infinite where the reference's mean could be 0.
        user_interval: The same by resampling users (a bootstrap), with the trained models as they are.
        p: The p-value on which the outcome rests, before correction.
        p_corrected: After correction over all comparisons, both protocols; see `llminit.verdicts.judge`.
        p_user: Of the test over users, which takes the trained models as they are; before correction.
        p_seed: Of the test over seeds, which takes the users as they are; None for one seed.
        effect_user: Cohen's d_z of the users' differences.
        effect_seed: Cohen's d_z of the seeds' differences; None for one seed.
        alpha: The chance of any false claim in all comparisons together that was accepted.
        n_comparisons: How many comparisons share that chance: the primary ones, or the exploratory ones.
        is_primary: Whether it is part of the question that a team asks: the method that validation picks against a
            baseline or its own xavier, under the standard protocol. All others are exploratory.
        detectable: About how large a gain would have been found in four of five such comparisons.
        covers_training: Whether the outcome holds for another training run; it takes three seeds.
        outcome: "better", "worse" or "no difference shown".
    """

    family: Family
    method: Method
    reference: Method
    label: str
    reference_label: str
    metric: str
    protocol: Protocol
    n_seeds: int
    n_users: int
    mean: float
    reference_mean: float
    gain: float
    interval: tuple[float, float]
    user_interval: tuple[float, float]
    p: float
    p_corrected: float
    p_user: float
    p_seed: float | None
    effect_user: float
    effect_seed: float | None
    alpha: float
    n_comparisons: int
    is_primary: bool
    detectable: float
    covers_training: bool
    outcome: Outcome

    @property
    def setting(self) -> Setting:
        """What all methods of the family have in common."""
        return Setting.of(self.method)
