"""What a study may be asked for, and what makes a trial the same trial."""

import shutil
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.records.schema import NOT_IN_IDENTITY, Record, TrialConfig
from ganbench.study.config import StudyConfig
from ganbench.study.run_trial import execute
from ganbench.study.trial import Trial
from tests.data.sets.test_folder import fill
from tests.study.planning import plan

MINE = "from ganbench.model import GAN\n\n\nclass Mine(GAN):\n    'Mine.'\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"round": 3}, "unknown option 'round'; did you mean 'rounds'"),
        ({"seeds": "x"}, "seeds 'x'"),
        ({"rounds": 0}, "rounds 0"),
        ({"mode": "fast"}, "mode 'fast'"),
        ({"name": "x" * 201}, "at most 200 characters"),
        ({"eval_metrics": "fid"}, "eval-every N"),
    ],
)
def test_options_are_checked_at_once(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        StudyConfig.of(["vanilla"], options)


def only(spec: str, **options: object) -> Trial:
    (trial,) = plan([spec], seeds=1, rounds=3, **options)
    return trial


def test_spellings_of_a_plug_in_are_one_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy("mine.py", "elsewhere/renamed.py")
    specs = ["./mine.py", str(tmp_path / "mine.py"), "mine.py:Mine", "elsewhere/renamed.py"]
    trials = [only(spec) for spec in specs]
    assert len({trial.identity for trial in trials}) == 1
    assert {trial.directory.name for trial in trials} == {f"Mine-seed0-{trials[0].identity}"}
    by_name, by_module = only("infogan"), only("ganbench.variants.infogan:InfoGAN")
    assert by_name.directory == by_module.directory
    assert by_name.directory.name.startswith("infogan-seed0-")


def test_spellings_of_a_data_set_are_one_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "here"
    fill(folder, 40)
    shutil.copytree(folder, tmp_path / "there")
    specs = ["here", f"{folder}", "./here", "there"]
    trials = [only("vanilla", dataset=f"folder:{spec}:size=8", batch_size=4) for spec in specs]
    assert len({trial.identity for trial in trials}) == 1
    assert len({trial.directory for trial in trials}) == 1
    assert "here" not in str(trials[0].directory.relative_to(Path.cwd() / "results"))
    smaller = only("vanilla", dataset="folder:here:size=16", batch_size=4)
    assert smaller.directory.parent != trials[0].directory.parent


def test_identity_is_every_fact_but_spellings() -> None:
    config = only("vanilla").config
    for name in TrialConfig.model_fields:
        value = getattr(config, name)
        other = {
            str: "other",
            int: 12345,
            type(None): "7" if name == "labels" else 9,
            dict: {"another": 1},
            tuple: (2,),
        }[type(value)]
        if name == "eval_metrics":
            other = ("fid",)
        changed = config.model_copy(update={name: other})
        assert (changed.identity == config.identity) == (name in NOT_IN_IDENTITY), name
    cards = [config.model_copy(update={"device": f"cuda:{n}"}) for n in (0, 1)]
    assert cards[0].identity == cards[1].identity


def test_a_record_is_the_configuration_and_what_came_of_it(tmp_path: Path) -> None:
    (tmp_path / "penalties.py").write_text("WEIGHT = 1.0\n")
    (tmp_path / "mine.py").write_text("from penalties import WEIGHT\n" + MINE)
    asked = {"results": tmp_path / "r", "command": "ganbench run ./mine.py", "name": "lecture 3"}
    trial = only(str(tmp_path / "mine.py"), **asked)
    record = execute(trial)
    assert record.config == trial.config
    assert record.trial == trial.identity == record.config.identity
    assert (record.command, record.study) == ("ganbench run ./mine.py", "lecture 3")
    assert set(TrialConfig.model_fields) < set(Record.model_fields)
    kept = {path.name: path.read_text() for path in (trial.directory / "source").iterdir()}
    assert kept == {name: (tmp_path / name).read_text() for name in ("mine.py", "penalties.py")}
    own = only("vanilla", results=tmp_path / "r")
    execute(own)
    assert not (own.directory / "source").exists()
