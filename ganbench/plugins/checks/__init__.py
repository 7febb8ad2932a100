"""The conformance checks: small and named, for plug-ins of every kind.

from ganbench.plugins.checks import examine, parametrize_with_checks
"""

from ganbench.plugins.checks.kinds import parametrize_with_checks
from ganbench.plugins.checks.result import Result
from ganbench.plugins.checks.variants import CHECKS, examine

__all__ = ["CHECKS", "Result", "examine", "parametrize_with_checks"]
