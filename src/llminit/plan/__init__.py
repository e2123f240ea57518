"""What a size of problem will take, in memory, time, traffic and disk, before anything is bought.

`calibrate` measures the machine; it is imported where it is called, since it loads what trains.
"""

from llminit.plan.constants import Constants, constants_path, read_constants, write_constants
from llminit.plan.estimate import Plan, plan
from llminit.plan.problem import Problem

__all__ = [
    "Constants",
    "Plan",
    "Problem",
    "constants_path",
    "plan",
    "read_constants",
    "write_constants",
]
