"""Numbers as text, as people write them."""

import pytest

from llminit.report.numbers import (
    count,
    decimals,
    duration,
    interval,
    mean_of,
    megabytes,
    p_value,
    percent,
    unbroken,
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (decimals(0.12345), "0.1235"),
        (decimals(-1.5, 1), "−1.5"),
        (decimals(None), "–"),
        (percent(0.0412), "+4.1 %"),
        (percent(-0.0412), "−4.1 %"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.04), "0.040"),
        (p_value(None), "–"),
        (count(2129792), "2,129,792"),
        (duration(59.94), "59.9 s"),
        (duration(600), "10.0 min"),
        (duration(7200), "2.0 h"),
        (megabytes(610_000_000), "610 MB"),
    ],
)
def test_numbers_are_written_for_people(shown: str, expected: str) -> None:
    """Numbers come with their units, a true minus sign, and a dash where there is none."""
    assert shown == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("by 4 % <b>", "by 4\u00a0% <b>"),
        ("a + b, p = .01, p < .001", "a\u00a0+ b, p\u00a0=\u00a0.01, p\u00a0<\u00a0.001"),
    ],
)
def test_numbers_stay_on_one_line(sentence: str, expected: str) -> None:
    """No line ends before a percent sign or a plus, nor within a p-value, and nothing else is changed."""
    assert unbroken(sentence) == expected


def test_one_seed_has_a_mean_and_no_interval() -> None:
    """A single value has no interval."""
    assert interval(mean_of([0.1])) == ""
    assert (mean_of([0.1]).mean, mean_of([0.1]).n) == (0.1, 1)


def test_the_interval_of_a_share_ends_where_shares_end() -> None:
    """Student's interval around .01 of three seeds reaches below 0, which no recall can; that of a gain may."""
    values = [0.0, 0.0, 0.03]
    free, bounded = mean_of(values), mean_of(values, 0.0, 1.0)
    assert free.low is not None
    assert free.low < 0
    assert (bounded.mean, bounded.low, bounded.high) == (free.mean, 0.0, free.high)
    assert mean_of([1.0, 1.0, 0.97], 0.0, 1.0).high == 1.0
