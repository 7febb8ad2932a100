"""What the tests with planted bugs share."""

from ganbench.model import Variant
from ganbench.plugins.checks import examine


def failures(variant: type[Variant], *checks: str, **hyperparameters: object) -> dict[str, str]:
    """The checks that failed, with their reasons."""
    results = examine(variant, hyperparameters, checks)
    return {result.name: result.reason for result in results if result.status == "failed"}
