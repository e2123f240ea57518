"""LLMInit: a head start from a language model for any collaborative-filtering recommender.

    import llminit

    recommender = llminit.fit("interactions.parquet", "items.parquet", encoder="minilm")
    recommender.recommend(["ada"], k=10)

Names are loaded when first used, so `import llminit` is quick and loads neither torch nor an encoder.
"""

from importlib import import_module
from os import environ
from typing import TYPE_CHECKING, Any

from llminit.version import __version__

if TYPE_CHECKING:
    from llminit.comparison import compare
    from llminit.config import CompareConfig, FitConfig, InitializeConfig
    from llminit.errors import LLMInitError
    from llminit.initialization import InitialEmbeddings
    from llminit.pipeline.estimator import LLMInit
    from llminit.pipeline.fit import fit
    from llminit.pipeline.initialize import initialize
    from llminit.recommender import Recommender
    from llminit.tuning.tune import tune

# While GNU's OpenMP waits for a thread it spins for milliseconds by default, so that one other busy process would slow
# a compiled step many times over (benchmarks/beside.py). OpenMP reads this variable when numba or torch loads it.
if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & environ.keys():
    environ["GOMP_SPINCOUNT"] = "3000"

_MODULES = {
    "CompareConfig": "llminit.config",
    "FitConfig": "llminit.config",
    "InitialEmbeddings": "llminit.initialization",
    "InitializeConfig": "llminit.config",
    "LLMInit": "llminit.pipeline.estimator",
    "LLMInitError": "llminit.errors",
    "Recommender": "llminit.recommender",
    "compare": "llminit.comparison",
    "fit": "llminit.pipeline.fit",
    "initialize": "llminit.pipeline.initialize",
    "tune": "llminit.tuning.tune",
}

__all__ = [
    "CompareConfig",
    "FitConfig",
    "InitialEmbeddings",
    "InitializeConfig",
    "LLMInit",
    "LLMInitError",
    "Recommender",
    "__version__",
    "compare",
    "fit",
    "initialize",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'llminit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
