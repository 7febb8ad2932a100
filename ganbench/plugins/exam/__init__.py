"""The conformance exam: small named checks that every variant can sit.

from ganbench.plugins.exam import examine, parametrize_with_checks
"""

from ganbench.plugins.exam.result import Result
from ganbench.plugins.exam.sitting import CHECKS, examine, parametrize_with_checks

__all__ = ["CHECKS", "Result", "examine", "parametrize_with_checks"]
