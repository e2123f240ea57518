"""What a size of problem will take, in memory, time, traffic and disk, before anything is bought."""

from llminit.plan.calibrate import calibrated
from llminit.plan.constants import Constants, constants_path, read_constants, write_constants
from llminit.plan.estimate import Plan, plan
from llminit.plan.problem import Problem

__all__ = [
    "Constants",
    "Plan",
    "Problem",
    "calibrated",
    "constants_path",
    "plan",
    "read_constants",
    "write_constants",
]
