"""The conformance checks: small and named, for plug-ins of every kind.

from ganbench.plugins.exam import examine, parametrize_with_checks
"""

from ganbench.plugins.exam.kinds import parametrize_with_checks
from ganbench.plugins.exam.result import Result
from ganbench.plugins.exam.sitting import CHECKS, examine

__all__ = ["CHECKS", "Result", "examine", "parametrize_with_checks"]
