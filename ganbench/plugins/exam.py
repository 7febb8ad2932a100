"""The former name of `ganbench.plugins.checks`: it works, with a warning line."""

from ganbench.model.old_names import warn
from ganbench.plugins.checks import CHECKS, Result, examine, parametrize_with_checks

__all__ = ["CHECKS", "Result", "examine", "parametrize_with_checks"]

warn("ganbench.plugins.exam", "ganbench.plugins.checks", 2)
