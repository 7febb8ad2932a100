"""Listing metrics and making settings cost no import of torch."""

from __future__ import annotations

import subprocess
import sys


def test_the_catalogue_imports_no_torch() -> None:
    code = (
        "import sys; from ganbench.evaluate.catalogue import METRICS; "
        "from ganbench.evaluate.settings import Settings; Settings(); "
        "assert METRICS['fid'].better == 'lower'; "
        "assert not {'torch', 'sklearn', 'scipy', 'matplotlib', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
