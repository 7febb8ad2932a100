"""The runner of the checks: results, expected failures, the command, pytest."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from ganbench.cli import main
from ganbench.core.errors import UserError
from ganbench.model import GAN, Batch, Loss
from ganbench.plugins.checks import CHECKS, Result, examine, parametrize_with_checks
from ganbench.plugins.checks.subject import WIDTH, Subject

pytest_plugins = ["pytester"]
QUICK = ("ownership", "score", "classify")

WRONG = '''
"""A guest."""
from ganbench.model import GAN


class Wrong(GAN):
    """GAN that goes the wrong way."""

    def generator_loss(self, batch):
        return -super().generator_loss(batch)
'''


class Excused(GAN):
    """A GAN with a known failure, and one that it does not have."""

    expected_failures: ClassVar[dict[str, str]] = {
        "no_host_reads": "its authors' code prints the loss",
        "score": "it was wrong once",
    }

    def generator_loss(self, batch: Batch) -> Loss:
        loss = super().generator_loss(batch)
        return loss + 0 * loss.item()


def test_every_check_says_what_it_catches() -> None:
    assert len(CHECKS) > 20
    for name, check in CHECKS.items():
        assert check.__name__ == name
        assert check.__doc__, name


def test_a_right_variant_passes_all_or_is_told_what_it_lacks() -> None:
    results = examine(GAN)
    assert [result.name for result in results] == list(CHECKS)
    assert {result.status for result in results} == {"passed", "skipped"}
    reasons = {r.name: r.reason for r in results if r.status == "skipped"}
    assert reasons["classify"] == "no classify()"
    assert "reconstruct" in reasons
    assert all(reasons.values())


def test_a_known_failure_carries_its_written_reason() -> None:
    host, score = examine(Excused, checks=["no_host_reads", "score"])
    assert host.status == "expected failure"
    assert host.reason.startswith("its authors' code prints the loss (update 'generator' reads")
    assert (score.status, score.reason) == ("passed", "listed in expected_failures without need")


@pytest.mark.parametrize(
    ("exceptions", "words"), [({"scores": "x"}, "names 'scores'"), ({"score": " "}, "no reason")]
)
def test_an_excuse_names_a_check_and_a_reason(exceptions: dict[str, str], words: str) -> None:
    class Careless(GAN):
        expected_failures = exceptions

    (result,) = examine(Careless, checks=["exceptions_are_written_down"])
    assert result.status == "failed"
    assert words in result.reason


def test_a_variant_that_cannot_be_built_fails_with_the_reason() -> None:
    class Broken(GAN):
        def build(self) -> None:
            raise KeyError("nothing here")

    results = examine(Broken)
    failed = [result.name for result in results if result.status == "failed"]
    assert failed == ["builds_and_trains", "ownership"]
    assert results[-1].reason == "no round can be played: see builds_and_trains"
    assert "nothing here" in results[0].reason
    assert "(test_runner.py, line " in results[0].reason


def test_the_users_hyperparameters_are_examined() -> None:
    assert Subject(GAN).hyperparameters["width"] == WIDTH
    assert Subject(GAN, {"width": 24}).hyperparameters["width"] == 24
    with pytest.raises(UserError, match="did you mean 'width'"):
        examine(GAN, {"widht": 3})
    with pytest.raises(ValueError, match="no check is named 'scores'"):
        examine(GAN, checks=["scores"])


def test_global_generators_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    examine(GAN, checks=["builds_and_trains", "generator_direction", "no_global_random_numbers"])
    assert torch.equal(torch.rand(3), expected)


def ganbench(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ganbench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    assert ganbench(monkeypatch, "check", "vanilla", str(path), "--json") == 1
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == 1
    vanilla, wrong = document["variants"]
    assert (vanilla["variant"], wrong["variant"]) == ("vanilla", str(path))
    assert [check["name"] for check in vanilla["checks"]] == list(CHECKS)
    failed = [check for check in wrong["checks"] if check["status"] == "failed"]
    assert [check["name"] for check in failed] == ["generator_direction"]
    assert "update 'generator'" in failed[0]["reason"]

    assert ganbench(monkeypatch, "check", "vae") == 0
    out = capfd.readouterr().out
    assert "reconstruction_direction" in out
    assert "no classify()" in out
    assert "passed" in out.splitlines()[-2]


@pytest.mark.parametrize("spec", ["vanila", "vanilla:widht=3", "./nowhere.py"])
def test_a_users_mistake(
    spec: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ganbench(monkeypatch, "check", spec) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1


@parametrize_with_checks([Excused])
def test_the_pytest_door(check: Callable[[], None]) -> None:
    check()


def test_what_the_pytest_door_reports(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(wrong=WRONG)
    pytester.makepyfile(
        """
        from ganbench.plugins.checks import parametrize_with_checks

        @parametrize_with_checks(["./wrong.py:Wrong", "vanilla:width=8", "./nowhere.py"])
        def test_conforms(check):
            check()
        """
    )
    names = "generator_direction or test_conforms and classify and not logits"
    result = pytester.runpytest("-rs", "-k", names)
    result.assert_outcomes(passed=1, failed=3, skipped=2)
    result.stdout.fnmatch_lines(["*generator_direction: update 'generator' does not make*"])
    result.stdout.fnmatch_lines(["*no such variant file: nowhere.py*", "*no classify()*"])


def test_results_are_plain() -> None:
    assert Result("a", "failed", "why").to_dict() == {
        "name": "a",
        "status": "failed",
        "reason": "why",
    }
