"""ganbench: train plug-in GAN variants under one trainer, judge them by one harness.

    import ganbench
    result = ganbench.run("infogan", "acgan", seeds=3)
    result.table                           # a pandas DataFrame of means over seeds
    ganbench.load(result.trial_results[0].directory)   # a trained model

The names below are loaded on first use, so that `import ganbench` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.study.compare import compare
    from ganbench.study.rescore import load
    from ganbench.study.run import Result, run

__all__ = ["Result", "__version__", "compare", "load", "run"]
__version__ = "0.1.0"

_PLACES = {
    "run": "ganbench.study.run",
    "Result": "ganbench.study.run",
    "compare": "ganbench.study.compare",
    "load": "ganbench.study.rescore",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'ganbench' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
