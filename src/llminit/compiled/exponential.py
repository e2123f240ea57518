"""e^x in operations that vectorise."""

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from llminit.compiled.cache import FASTMATH, kernel

_LOG2_E = np.float32(1.4426950408889634)
# log 2 in two parts, the first with few digits, so that k * log 2 is exact enough (Cody and Waite's reduction).
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693145751953125), np.float32(1.4286068203094172e-06)
_LARGEST, _SMALLEST = np.float32(88), np.float32(-87)
_HALF, _ONE = np.float32(0.5), np.float32(1)
# 1/k! for k = 7 ... 2, adjusted in the last digits to |r| <= log(2) / 2 (Cephes, expf).
_COEFFICIENTS = tuple(
    np.float32(value)
    for value in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)


@intrinsic
def _float_of_bits(_typing: Any, _bits: Any) -> Any:
    """Read the bits of an int32 as a float32."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.int32), generate


@kernel(fastmath=FASTMATH, inline="always")
def exp(x: Any) -> Any:
    """Return e^x to a relative error of 3e-7, in operations that vectorise; x is clipped to [-87, 88]."""
    a, b, c, d, e, f = _COEFFICIENTS
    x = _LARGEST if x > _LARGEST else x
    x = _SMALLEST if x < _SMALLEST else x
    power = np.floor(x * _LOG2_E + _HALF)
    rest = (x - power * _LOG_2_HIGH) - power * _LOG_2_LOW
    series = ((((a * rest + b) * rest + c) * rest + d) * rest + e) * rest + f
    return (series * rest * rest + rest + _ONE) * _float_of_bits((np.int32(power) + np.int32(127)) << np.int32(23))
