"""A study on the user's own images: what needs labels is refused, what fails names the file."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import ganbench
from ganbench.core.errors import UserError
from ganbench.evaluate.settings import settings_of
from ganbench.study.run_trial import execute
from tests.study.planning import plan


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "cache"))
    place = tmp_path / "own"
    place.mkdir()
    rng = np.random.default_rng(0)
    for i in range(60):
        pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.jpg")
    return place


def refused(folder: Path, *specs: str, **more: object) -> str:
    with pytest.raises(UserError) as caught:
        plan(specs, dataset=f"folder:{folder}:size=8", batch_size=8, **more)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["acgan", "cgan", "sgan", "catgan", "improvedgan"])
def test_variants_that_read_labels(name: str, folder: Path) -> None:
    message = refused(folder, "vanilla", name)
    assert message.startswith(f"{name} cannot be built for folder:{folder}:size=8")
    assert "it reads labels, and there are none" in message


def test_label_budgets(folder: Path) -> None:
    assert refused(folder, "sgan", labels=10) == f"labels 10: folder:{folder}:size=8 has no labels"


def test_others_go_ahead(folder: Path, tmp_path: Path) -> None:
    dataset = f"folder:{folder}:size=8"
    specs = ["vanilla", "infogan", "vae"]
    trials = plan(specs, dataset=dataset, batch_size=8, seeds=1, results=tmp_path)
    assert [trial.config.variant for trial in trials] == specs
    assert {
        (trial.config.dataset, trial.config.shape, trial.config.classes) for trial in trials
    } == {(dataset, (1, 8, 8), 0)}
    Image.new("L", (8, 8)).save(folder / "new.png")
    later = plan(specs, dataset=dataset, batch_size=8, seeds=1, results=tmp_path)
    assert not {trial.identity for trial in trials} & {trial.identity for trial in later}


def test_a_file_that_is_damaged_meanwhile(folder: Path, tmp_path: Path) -> None:
    (trial,) = plan(
        ["vanilla"],
        dataset=f"folder:{folder}:size=8",
        batch_size=8,
        rounds=20,
        seeds=1,
        device="cpu",
        results=tmp_path,
    )
    (folder / "7.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"7\.jpg is no image"):
        execute(trial)


@pytest.mark.slow
def test_what_is_odd_about_the_images_is_told_once(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        dark = np.asarray(Image.open(file)) // 20
        file.unlink()
        Image.fromarray(dark).save(file.with_suffix(".png"))
    (folder / "more.heic").write_bytes(b"x")
    console = Console(file=StringIO(), width=500)
    dataset = f"folder:{folder}:size=8"
    ganbench.run(
        "vanilla",
        dataset=dataset,
        rounds=4,
        seeds=2,
        jobs=2,
        batch_size=8,
        device="cpu",
        results=tmp_path / "results",
        evaluation=settings_of("nmi", 50),
        console=console,
    )
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert said.count(f"warning: {folder}: levels go from 0 to 12, a small part of 0 to 255") == 1
    assert f"data set {dataset},range=0-15 scales them" in said
    assert said.count("image files of other types are not read (.heic 1)") == 1


def test_sixty_classes_of_three_images(folder: Path, tmp_path: Path) -> None:
    """Sixty are for training: fewer than a batch has, which says what to do, and then works."""
    for i, file in enumerate(sorted(folder.iterdir())):
        for name in "abc":
            place = folder / f"{i:02}" / f"{name}.jpg"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(file.read_bytes())
        file.unlink()
    dataset = f"folder:{folder}:size=8"
    with pytest.raises(UserError, match=r"has 60 training images; give a smaller one with --batch"):
        plan(["acgan"], dataset=dataset, results=tmp_path)
    (trial,) = plan(["acgan"], dataset=dataset, batch_size=32, seeds=1, results=tmp_path)
    assert trial.config.classes == 60
