"""Three lines a part: each keeps the contract of its kind."""

from llminit_example.co_counts import CoCounts
from llminit_example.tempered import Tempered

from llminit.testing import check_backbone, check_baseline, check_encoder, check_selector
from llminit.text import open_encoder


def test_encoder() -> None:
    """The encoder, opened by its SPEC."""
    check_encoder(open_encoder("letters", width=32))


def test_selector() -> None:
    """The selector, by its name."""
    check_selector("spread")


def test_backbone() -> None:
    """The backbone."""
    check_backbone(Tempered)


def test_baseline() -> None:
    """The baseline."""
    check_baseline(CoCounts)
