"""Trials on the user's own images, which lie elsewhere now: their fingerprint vouches for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ganbench import data
from ganbench.cli import cli
from ganbench.core.errors import UserError
from ganbench.evaluate.settings import Settings
from ganbench.study.evaluate import evaluate
from ganbench.study.run_trial import execute
from tests.study.planning import plan

SETTINGS = Settings(50, 50, 50, 50, probe_steps=5, metrics=("code_recovery",))


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


class Here:
    """An engine that runs jobs in this process."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(
        self, function: Callable[[Any], Any], jobs: Sequence[Any], width: int = 1, owner: Any = None
    ) -> Iterator[tuple[Any, Any]]:
        for job in jobs:
            try:
                yield job, function(job)
            except UserError as error:
                yield job, error


def trained(dataset: str, results: Path) -> Path:
    (trial,) = plan(
        ["vanilla"],
        dataset=dataset,
        rounds=2,
        seeds=1,
        batch_size=8,
        device="cpu",
        results=results,
        evaluation=SETTINGS,
    )
    assert execute(trial).status == "finished"
    return results


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "npz"])
def test_moved_data_is_found_where_it_is_said_to_be(kind: str, tmp_path: Path) -> None:
    old = made(kind, tmp_path / "old")
    options = ":size=16" if kind == "folder" else ""
    results = trained(f"{kind}:{old}{options}", tmp_path / "results")
    before = evaluate(results, settings=SETTINGS, engine=Here())
    assert not before.failures
    new = old.rename(tmp_path / f"new{old.suffix}")

    def reason(**where: Path) -> str:
        ((_, told),) = evaluate(results, settings=SETTINGS, engine=Here(), **where).failures
        return told

    assert f"{old}: there is no such {'folder' if kind == 'folder' else 'file'}" in reason()
    assert "; if it was moved, say where it is now with --data PATH" in reason()
    assert reason(data=tmp_path / "nowhere").endswith(
        f"{tmp_path / 'nowhere'}: there is no such {'folder' if kind == 'folder' else 'file'}"
    )
    other = made(kind, tmp_path / "other", seed=1)
    assert f"at {other} is not the one that it was trained on (fingerprint" in reason(data=other)

    found = evaluate(results, settings=SETTINGS, engine=Here(), data=new)
    assert not found.failures
    assert [o.scores for o in found.trial_results] == [o.scores for o in before.trial_results]
    more = replace(SETTINGS, samples=40)  # measured now, from images that lie elsewhere
    (outcome,) = evaluate(results, settings=more, engine=Here(), data=new).trial_results
    assert outcome.record.dataset == f"{kind}:{old}{options}"
    assert [row.value for score in outcome.scores for row in score.scores]


@pytest.mark.slow
def test_published_data_is_not_moved_so(tmp_path: Path) -> None:
    results = trained("digits", tmp_path / "results")
    with pytest.raises(UserError, match=r"for trials on folder:PATH or npz:PATH.*--data-root"):
        evaluate(results, settings=SETTINGS, engine=Here(), data=tmp_path)
    trained(f"npz:{made('npz', tmp_path / 'old')}", results)
    shutil.move(tmp_path / "old" / "own.npz", tmp_path)
    both = evaluate(results, settings=SETTINGS, engine=Here(), data=tmp_path / "own.npz")
    assert (len(both.trial_results), both.failures) == (2, [])


def test_the_command_line_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def told(*paths: Path, **more: Any) -> None:
        asked.update(more)
        raise UserError("seen")

    monkeypatch.setattr("ganbench.study.evaluate.evaluate", told)
    CliRunner().invoke(cli, ["evaluate", str(tmp_path), "--data", "new"])
    assert asked["data"] == Path("new")


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
    monkeypatch.setattr("ganbench.data.io.stream.CACHE_BYTES", 0)
    found = data.load("folder:own:size=8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(found.train[:].images) == len(found.train)
    assert found.name == "folder:own:size=8"
