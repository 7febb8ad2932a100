"""Plug-ins beside first-party variants: none of them changes another's numbers, or is trusted."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ganbench
from ganbench.cli import cli
from ganbench.core.errors import UserError
from ganbench.plugins import registry
from ganbench.records.schema import Record
from ganbench.study.evaluate import evaluate
from ganbench.study.run import run

pytestmark = pytest.mark.slow

SMALL = {"seeds": 1, "rounds": 30, "jobs": 1}

MAIN = """
from ganbench.model import GAN
from penalties import WEIGHT


class Mine(GAN):
    def generator_loss(self, batch):
        return super().generator_loss(batch) * WEIGHT
"""

RUDE = """
import os
import torch
from ganbench.model import GAN

relu = torch.nn.functional.relu
torch.nn.ReLU.forward = lambda self, x: relu(x) * 0.5 + x * 0.1
torch.nn.functional.relu = lambda x, inplace=False: relu(x) * 0.5 + x * 0.1
os.chdir({place!r})


class Rude(GAN):
    pass
"""


WORSE = """
import torch
from ganbench.model import GAN

torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)


class Worse(GAN):
    pass
"""


def helped(folder: Path, weight: float) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "mygan.py").write_text(MAIN)
    (folder / "penalties.py").write_text(f"WEIGHT = {weight}\n")
    return folder / "mygan.py"


def fids(result: ganbench.Result) -> dict[str, float]:
    return {
        record.spec: score.value
        for record, evaluations, _ in result.trial_results
        for evaluation in evaluations
        for score in evaluation.scores
        if score.metric == "fid"
    }


def references(result: ganbench.Result) -> list[tuple[str, str, float]]:
    return [
        (one.name, score.metric, score.value)
        for found in result.references
        for one in found.references
        for score in one.scores
    ]


def cached(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_plug_in_trains_with_its_own_helper(tmp_path: Path) -> None:
    one, two = helped(tmp_path / "a", 1.0), helped(tmp_path / "b", 0.0)
    alone = [
        fids(run(str(path), results=tmp_path / path.parent.name, **SMALL)) for path in (one, two)
    ]
    both = run(str(one), str(two), results=tmp_path / "both", **SMALL)
    assert fids(both) == alone[0] | alone[1]
    assert len(set(fids(both).values())) == 2
    found = evaluate(tmp_path / "both", settings=None, split="validation", jobs=1)
    assert not found.failures
    assert len(found.trial_results) == 2

    # An edited helper makes another trial of it, and the old one is not scored by the new code.
    helped(tmp_path / "a", 0.5)
    again = run(str(one), str(two), results=tmp_path / "both", **SMALL)
    assert again.trained == 1
    old = both.trial_results[0].directory
    with pytest.raises(UserError, match="not the one that it was trained with"):
        ganbench.load(old)


def test_a_plug_in_changes_nobody_elses_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "cache"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    rude = tmp_path / "rude.py"
    rude.write_text(RUDE.format(place=str(elsewhere)))
    (tmp_path / "worse.py").write_text(WORSE)
    beside = run("vanilla", "./worse.py", "./rude.py", "acgan", results="one", **SMALL)
    assert not list(elsewhere.iterdir())
    assert {record.spec for record in beside.failures} <= {"./worse.py"}
    kept = cached(tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache")
    alone = run("vanilla", "acgan", results="two", **SMALL)
    assert {name: fids(beside)[name] for name in ("vanilla", "acgan")} == fids(alone)
    assert references(beside) == references(alone)
    assert len(references(alone)) > 20
    # What took long enough to be kept is what ganbench alone would have kept, to the last byte.
    again = cached(tmp_path / "cache")
    same = {name for name in kept.keys() & again.keys() if name.startswith("features")}
    assert all(kept[name] == again[name] for name in same)  # references say what they took, too
    assert {name.partition("-")[0] for name in kept} <= {"reference", "features"}


def test_what_runs_is_what_was_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = helped(tmp_path / "a", 1.0)
    code = (
        "from ganbench.study.config import StudyConfig\n"
        "from ganbench.study.plan import trials_of\nfrom ganbench.study.run_trial import execute\n"
        "from pathlib import Path\nfrom ganbench.core.errors import UserError\n"
        f"path = Path({str(path)!r})\n"
        f"config = StudyConfig((str(path),), seeds=1, rounds=5, results={str(tmp_path)!r})\n"
        "(trial,) = trials_of(config)\n"
        "(path.parent / 'penalties.py').write_text('WEIGHT = 9.0\\n')\n"
        "try:\n    print(execute(trial).status)\nexcept UserError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "was edited after this study was planned" in done.stdout
    assert not list(tmp_path.rglob("record.json"))


def trial_of(tmp_path: Path) -> tuple[Path, Path]:
    """A finished trial of a plug-in that leaves a mark where it is run."""
    plug_in = tmp_path / "mine.py"
    plug_in.write_text(
        "from pathlib import Path\nfrom ganbench.model import GAN\n"
        f"Path({str(tmp_path / 'mark')!r}).touch()\n\n\nclass Mine(GAN):\n    pass\n"
    )
    result = run(str(plug_in), results=tmp_path / "results", **SMALL)
    (tmp_path / "mark").unlink()
    return plug_in, result.trial_results[0].directory


def rewrite(directory: Path, **fields: object) -> None:
    path = directory / "record.json"
    document = json.loads(path.read_text()) | fields
    path.write_text(json.dumps(document))
    Record.model_validate(document)


def test_code_that_a_record_names_is_known_or_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    plug_in, directory = trial_of(tmp_path)
    assert ganbench.load(directory).latent  # this user has run it by name
    mark.unlink()

    # Another user's machine: nothing is run before he allows it.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    with pytest.raises(UserError, match="--allow-code") as caught:
        ganbench.load(directory)
    assert str(plug_in) in str(caught.value)
    assert registry.source(str(plug_in)).fingerprint[:16] in str(caught.value)
    found = evaluate(directory, split="validation", jobs=1)
    assert "--allow-code" in found.failures[0][1]
    assert not mark.exists()
    assert not evaluate(directory, split="validation", jobs=1, allow_code=True).failures
    assert mark.exists()
    mark.unlink()
    with pytest.raises(UserError, match="--allow-code"):
        ganbench.load(directory)  # that was once
    assert ganbench.load(directory, allow_code=True).latent
    mark.unlink()

    # Changed code is refused by its hash, allowed or not, and never run.
    plug_in.write_text(plug_in.read_text() + "# changed\n")
    for allowed in (False, True):
        with pytest.raises(UserError, match="not the one that it was trained with"):
            ganbench.load(directory, allow_code=allowed)
    assert not mark.exists()


@pytest.mark.parametrize("claim", ["", "digest"])
def test_a_record_cannot_vouch_for_its_own_code(claim: str, tmp_path: Path) -> None:
    """Neither by the right hash of a file that its reader has never run, nor by none."""
    _, directory = trial_of(tmp_path)
    evil = tmp_path / "evil.py"
    evil.write_text(
        "from pathlib import Path\nfrom ganbench.model import GAN\n"
        f"Path({str(tmp_path / 'evil-mark')!r}).touch()\n\n\nclass Mine(GAN):\n    pass\n"
    )
    digest = claim and registry.source(str(evil)).digest("Mine")
    rewrite(directory, variant=str(evil), source_digest=digest)
    with pytest.raises(UserError, match="--allow-code"):
        ganbench.load(directory)
    assert not (tmp_path / "evil-mark").exists()


def test_the_command_line_asks_for_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _, directory = trial_of(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    arguments = ["evaluate", str(directory), "--split", "validation", "--jobs", "1"]
    for extra, code in (([], 1), (["--allow-code"], 0)):
        with pytest.raises(SystemExit) as ended:
            cli([*arguments, *extra], standalone_mode=False)
        assert ended.value.code == code
    assert "--allow-code" in capfd.readouterr().err


def test_planning_runs_no_plug_in_here(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ganbench.study.run import run\n"
        "if __name__ == '__main__':\n"
        f"    run('./mine.py', results={str(tmp_path / 'r')!r}, seeds=1, rounds=5, jobs=1)\n"
        "    assert not [name for name in sys.modules if 'guest' in name or name == 'torch']\n"
    )
    (tmp_path / "mine.py").write_text(
        "from ganbench.model import GAN\n\n\nclass Mine(GAN):\n    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
