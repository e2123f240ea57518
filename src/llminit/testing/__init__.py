"""Contract tests for encoders, selectors, backbones and baselines; each raises AssertionError for a broken promise.

A new part needs a test of three lines:

    from llminit.testing import check_backbone

    def test_contract():
        check_backbone(MyBackbone)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llminit.testing.backbone import check_backbone
    from llminit.testing.baseline import check_baseline
    from llminit.testing.encoder import check_encoder
    from llminit.testing.selector import check_selector

__all__ = ["check_backbone", "check_baseline", "check_encoder", "check_selector"]


def __getattr__(name: str) -> Any:
    # Lazy, because a check of an encoder does not need torch.
    if name in __all__:
        return getattr(import_module(f"llminit.testing.{name.removeprefix('check_')}"), name)
    raise AttributeError(f"module 'llminit.testing' has no attribute {name!r}")
