"""Paths that the system does not take: one line with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganbench import data
from ganbench.core.errors import UserError
from tests.data.sets.test_folder import _own_cache, fill, refused

__all__ = ["_own_cache"]  # a fixture of every test here


def test_paths_that_the_system_does_not_take(tmp_path: Path) -> None:
    message = refused(Path("x" * 5000))
    assert "File name too long; no file is called so" in message
    assert len(message) < 400
    for name in ("mnist", "celeba", "dsprites", f"npz:{'x' * 5000}"):
        with pytest.raises(UserError, match="File name too long"):
            data.load(name, tmp_path / ("x" * 5000))
    assert "~nobody-is-called-so/x: there is no such folder" in refused(
        Path("~nobody-is-called-so/x")
    )
    fill(tmp_path / "a", 40)
    link = tmp_path / "a" / "b.png"
    link.symlink_to(link)
    message = refused(tmp_path / "a")
    assert f"cannot read {link}: " in message
    assert "it is a link that leads to itself: delete it" in message
