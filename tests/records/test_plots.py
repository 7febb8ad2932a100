"""Pictures are drawn of whole, thin and broken histories."""

from pathlib import Path
from typing import Any

import pytest

from ganbench.core.errors import UserError
from ganbench.records.plots import history_picture, information_picture

PNG = b"\x89PNG"


def history(level: float) -> list[dict[str, Any]]:
    return [
        {
            "round": number,
            "images": number * 64,
            "discriminator": None if number == 100 else 1.2,
            "generator": 0.9,
            "information/categorical_0": level * number / 200,
            "images_per_second": 6400.0,
        }
        for number in (50, 100, 150, 200)
    ]


def test_history(tmp_path: Path) -> None:
    history_picture(history(2.0), tmp_path / "new" / "history.png", "infogan: a $b_1 $5")
    assert (tmp_path / "new" / "history.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize("rows", [[], [{"round": 1, "generator": 0.5}]])
def test_short_histories(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    history_picture(rows, tmp_path / "history.png", "vanilla")
    assert (tmp_path / "history.png").read_bytes().startswith(PNG)


def test_information_curves(tmp_path: Path) -> None:
    curves = {
        "infogan": [history(2.3), history(2.2)[:2]],
        "infogan:information=q_only": [history(0.6), [{"round": 50}]],
        "vanilla": [[{"round": 50, "generator": 0.1}]],
    }
    information_picture(curves, {"categorical_0": [2.302585, 1.609]}, tmp_path / "information.png")
    assert (tmp_path / "information.png").read_bytes().startswith(PNG)


def test_no_curves(tmp_path: Path) -> None:
    information_picture({}, {}, tmp_path / "information.png")
    assert (tmp_path / "information.png").read_bytes().startswith(PNG)


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        history_picture(history(1.0), tmp_path / "file" / "history.png", "infogan")
