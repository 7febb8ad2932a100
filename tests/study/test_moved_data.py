"""Trials on the user's own images, which lie elsewhere now: their fingerprint vouches for them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganbench
from ganbench import data
from ganbench.errors import UserError
from ganbench.evaluate.settings import settings_of
from ganbench.study.evaluate import evaluate

SETTINGS = settings_of("real_fake_auc", 50)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path_factory.mktemp("cache")))


def scenes(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (60, 8, 8), dtype=np.uint8)


def made(kind: str, place: Path, seed: int = 0) -> Path:
    place.mkdir()
    if kind == "npz":
        np.savez(place / "own.npz", images=scenes(seed))
        return place / "own.npz"
    for i, image in enumerate(scenes(seed)):
        Image.fromarray(image).save(place / f"{i}.png")
    return place


def trained(dataset: str, results: Path) -> Path:
    ganbench.run(
        "vanilla",
        dataset=dataset,
        rounds=2,
        seeds=1,
        batch_size=8,
        device="cpu",
        results=results,
        evaluation=SETTINGS,
    )
    return results


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_moved_data_is_found_where_it_is_said_to_be(kind: str, tmp_path: Path) -> None:
    old = made(kind, tmp_path / "old")
    options = ":size=16" if kind == "folder" else ""
    results = trained(f"{kind}:{old}{options}", tmp_path / "results")
    before = evaluate(results, settings=SETTINGS, jobs=1)
    assert not before.failures
    new = old.rename(tmp_path / f"new{old.suffix}")

    def reason(**where: Path) -> str:
        ((_, told),) = evaluate(results, settings=SETTINGS, jobs=1, **where).failures
        return told

    assert f"{old}: there is no such {'folder' if kind == 'folder' else 'file'}" in reason()
    assert "; if it was moved, say where it is now with --data PATH" in reason()
    assert reason(data=tmp_path / "nowhere").endswith(
        f"{tmp_path / 'nowhere'}: there is no such {'folder' if kind == 'folder' else 'file'}"
    )
    other = made(kind, tmp_path / "other", seed=1)
    assert f"at {other} is not the one that it was trained on (fingerprint" in reason(data=other)

    found = evaluate(results, settings=SETTINGS, jobs=1, data=new)
    assert not found.failures
    assert [o.scores for o in found.outcomes] == [o.scores for o in before.outcomes]
    more = settings_of("real_fake_auc", 40)  # measured now, from images that lie elsewhere
    command = [
        *(sys.executable, "-m", "ganbench", "evaluate", str(results), "--data", new.name),
        *("--metrics", "real_fake_auc", "--samples", "40", "--jobs", "1"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("evaluated")) == (0, 1)
    (outcome,) = evaluate(results, settings=more, jobs=1, data=new).outcomes
    assert outcome.record.dataset == f"{kind}:{old}{options}"
    assert [row.value for score in outcome.scores for row in score.scores]


@pytest.mark.slow
def test_published_data_is_not_moved_so(tmp_path: Path) -> None:
    results = trained("digits", tmp_path / "results")
    with pytest.raises(UserError, match=r"for trials on folder:PATH or npz:PATH.*--data-root"):
        evaluate(results, settings=SETTINGS, jobs=1, data=tmp_path)
    trained(f"npz:{made('npz', tmp_path / 'old')}", results)
    shutil.move(tmp_path / "old" / "own.npz", tmp_path)
    both = evaluate(results, settings=SETTINGS, jobs=1, data=tmp_path / "own.npz")
    assert (len(both.outcomes), both.failures) == (2, [])


@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_the_name_stays_wherever_the_data_is(kind: str, tmp_path: Path) -> None:
    old = made(kind, tmp_path / "old")
    spec = f"{kind}:{old}:size=16"
    before = data.load(spec)
    new = old.rename(tmp_path / f"new{old.suffix}")
    after = data.load(spec, at=new)
    assert (
        (after.name, after.fingerprint)
        == (before.name, before.fingerprint)
        == (
            spec,
            before.fingerprint,
        )
    )
    assert len(after.train[:]) == len(after.train)
    digits = data.load("digits", at=tmp_path)
    assert digits.name == "digits"


def test_another_working_directory_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams open their files when they are read, which may be after an os.chdir."""
    made("folder", tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ganbench.data.stream.KEPT", 0)
    found = data.load("folder:own:size=8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(found.train[:].images) == len(found.train)
    assert found.name == "folder:own:size=8"
