"""Somebody else's installed packages: what they bring is listed, examined and run by its name."""

import json
from pathlib import Path

import pytest

from ganbench.plugins import scaffold
from tests.plugins.outside import FOUR_KINDS, Environment, environment_with

pytestmark = pytest.mark.slow
NAME = "outsider_gan"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    first, *_ = scaffold.write(NAME, tmp_path_factory.mktemp("source"), package=True)
    return first.parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Environment:
    return environment_with(package, tmp_path_factory.mktemp("outside"))


def test_it_is_listed_with_its_origin(environment: Environment) -> None:
    document = json.loads(environment.run("-m", "ganbench", "list", "variants", "--json").stdout)
    rows = {row["name"]: row for row in document["variants"]}
    assert rows[NAME]["note"] == f"ganbench-{NAME} 0.1.0"
    assert rows[NAME]["target"] == f"{NAME}:OutsiderGAN"
    assert rows[NAME]["summary"].startswith("GAN whose discriminator")
    assert rows["infogan"]["note"].startswith("ganbench ")


def test_it_runs_by_its_name(environment: Environment) -> None:
    spec = f"{NAME}:score_weight=0.5"
    done = environment.run("-m", "ganbench", "run", spec, "--rounds", "20", "--seeds", "1")
    assert spec in done.stdout
    (path,) = (environment.folder / "results" / "digits").glob("*/record.json")
    record = json.loads(path.read_text())
    assert record["status"] == "finished"
    assert record["variant"] == NAME
    assert record["rounds"] == 20


def test_its_own_test_examines_it(environment: Environment, package: Path) -> None:
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", package]
    done = environment.run(*arguments)
    assert "failed" not in done.stdout
    assert "passed" in done.stdout


def test_this_environment_does_not_know_it() -> None:
    from ganbench.plugins import registry

    assert NAME not in registry.installed()


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return environment_with(FOUR_KINDS, tmp_path_factory.mktemp("four"))


def test_a_package_of_all_four_kinds_is_listed(all_kinds: Environment) -> None:
    document = json.loads(all_kinds.run("-m", "ganbench", "list", "--json").stdout)
    names = {"variants": "stripes_gan", "metrics": "contrast_gap"}
    for kind, name in (names | {"datasets": "stripes", "extractors": "profile"}).items():
        (row,) = [row for row in document[kind] if row["name"] == name]
        assert row["note"] == "ganbench-four-kinds 0.1.0"


def test_what_it_brings_passes_the_checks(all_kinds: Environment) -> None:
    names = ("contrast_gap", "stripes", "profile")
    done = all_kinds.run("-m", "ganbench", "check", *names)
    for name in names:
        assert f"{name}: " in done.stdout
    assert "failed" not in done.stdout
