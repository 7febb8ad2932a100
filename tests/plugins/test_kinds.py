"""Metrics, data sets and extractors of plug-ins: found, owned, loaded and named by facts."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.evaluate import extractor_table, extractors
from ganbench.evaluate.settings import Settings
from ganbench.plugins import datasets, listing, owner_of, registry
from ganbench.plugins import extractors as doors
from ganbench.study.plan import scorings_of
from tests.plugins.outside import FOUR_KINDS, install_here

INSIDE = FOUR_KINDS / "four_kinds"
STRIPES = (
    (INSIDE / "dataset.py").read_text().replace('extractor="profile"', 'extractor="digits-v1"')
)

MANY = """
from ganbench import evaluate as ev
from ganbench.evaluate import MetricSpec as Spec
from ganbench.evaluate.extractor_table import ExtractorSpec

raise_if_read = None


def measure(evidence):
    return None


ONE = Spec("one_metric", "fidelity", "The first.", measure)
TWO: Spec = ev.MetricSpec(name="two_metric", group="own", summary="The second.", target=measure)
ALSO_TWO = TWO
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install_here(FOUR_KINDS, tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extractor_table, "GUESTS", {})
    monkeypatch.setattr(doors, "GUESTS", extractor_table.GUESTS)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("variants", "stripes_gan"),
        ("metrics", "contrast_gap"),
        ("datasets", "stripes"),
        ("extractors", "profile"),
    ],
)
def test_an_installed_package_of_all_four_kinds(kind: str, name: str, site: Path) -> None:
    entry = registry.installed(kind)[name]
    assert entry.distribution == "ganbench-four-kinds 0.1.0"
    assert registry.owner(name, kind) == "four_kinds"
    (found,) = [one for one in listing.installed(kind) if one.name == name]
    assert found.origin == entry.distribution
    assert found.summary
    assert listing.named(name, kind) == [found]


def test_nothing_is_imported_to_list_them(site: Path) -> None:
    for kind in ("variants", "metrics", "datasets", "extractors"):
        for path in (site / "four_kinds").glob("*.py"):
            path.write_text("raise SystemExit('this is never run')\n" + path.read_text())
        assert any(one.origin.startswith("ganbench-four-kinds") for one in listing.installed(kind))


def test_a_file_of_several_metrics(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MANY)
    first, second = registry.load_metrics(str(path))
    assert (first.name, second.name) == ("one_metric", "two_metric")
    (named,) = registry.load_metrics(f"{path}:TWO")
    assert (named.name, named.digest) == (second.name, second.digest)
    assert len(first.digest) == 16
    assert first.digest != second.digest
    assert callable(first.target)
    found = listing.named(str(path), "metrics")
    assert [(one.declared, one.summary) for one in found] == [
        ("one_metric", "The first."),
        ("two_metric", "The second."),
    ]
    assert found[1].target == f"{path}:TWO"
    one, other = f"{path}:ONE", f"{path}:TWO"
    assert listing.of_any_kind(str(path)) == [("metrics", one), ("metrics", other)]
    assert listing.of_any_kind(other) == [("metrics", other)]


def test_a_digest_follows_the_source_and_no_path(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("a.py", "b.py")]
    for path in places:
        path.write_text(MANY)
    one, other = (registry.load_metrics(f"{path}:ONE")[0].digest for path in places)
    assert one == other
    places[1].write_text(MANY + "# edited\n")
    assert registry.load_metrics(f"{places[1]}:ONE")[0].digest != one


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = 1", "it defines none"),
        ("from ganbench.core.metric_specs import MetricSpec", "it defines none"),
        (MANY.replace("one_metric", "fid"), "is one of ganbench's own"),
        (MANY.replace("one_metric", "modes"), "is one of ganbench's own"),
        (MANY.replace("one_metric", "../up"), "use letters"),
        (MANY.replace('"The first.", measure', '"The first.", "m:f"'), "target must be a function"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_bad_metrics(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        registry.load_metrics(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        ("./none.py", "metrics", "no such metric file"),
        ("./none.py", "datasets", "no such data set file"),
        ("fidd", "metrics", "did you mean 'fid'"),
        ("inceptoin", "extractors", "did you mean 'inception'"),
        ("no_module_here:X", "extractors", "cannot import extractor"),
    ],
)
def test_mistakes(reference: str, kind: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        registry.source(reference, kind)


@pytest.mark.parametrize(
    ("kind", "name"), [("metrics", "fid"), ("datasets", "digits"), ("extractors", "inception")]
)
def test_no_package_takes_a_name_of_ganbenchs(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = EntryPoint(name, "somebody:X", f"ganbench.{kind}")
    monkeypatch.setattr(registry, "entry_points", lambda group: [theirs])
    assert registry.installed(kind) == {}
    assert registry.owner(name, kind) == ""


def test_an_entry_points_name_is_the_declared_one(site: Path) -> None:
    points = next(site.glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text().replace("contrast_gap =", "contrast ="))
    with pytest.raises(UserError, match="installed as that, but declares 'contrast_gap'"):
        registry.load_metrics("contrast")


# Data sets.


def test_a_data_set_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(STRIPES)
    for spec in (str(path), f"{path}:STRIPES", f"{path}:size=8", f"{path}:STRIPES:size=8"):
        loaded = datasets.load(spec)
        assert (loaded.name, loaded.shape) == ("stripes", (1, 8, 8))
        assert datasets.owner(spec) == str(path)
    assert loaded.facts.keys() == {"dataset", "digest", "fingerprint"}
    assert loaded.short_name == f"stripes-{loaded.fingerprint[:8]}"
    assert loaded.extractor == "digits-v1"
    assert loaded.source is not None
    assert loaded.source.target == ""  # what may be sent to another process is no code
    large = datasets.load(f"{path}:size=16")
    assert large.shape == (1, 16, 16)
    assert large.name == "stripes:size=16"
    assert large.facts["options"] == ["size=16"]
    source = datasets.source(f"{path}:size=16")
    assert (source.rounds, source.batch_size, source.recipe) == (40, 32, "stripes")
    with pytest.raises(UserError, match="did you mean 'size'"):
        datasets.source(f"{path}:sise=16")
    with pytest.raises(UserError, match="unknown size"):
        datasets.source(f"{path}:size=12")


def test_facts_know_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / f"{place}.py").write_text(STRIPES)
        monkeypatch.chdir(tmp_path / place)
        found += [datasets.load(f"./{place}.py"), datasets.load(f"{Path.cwd()}/{place}.py:STRIPES")]
    assert all(one.facts == found[0].facts for one in found)
    assert len({one.short_name for one in found}) == 1


def test_ganbenchs_own_are_delegated() -> None:
    assert datasets.source("sprites:size=32") is data.SOURCES["sprites"]
    assert datasets.load("digits").fingerprint == data.load("digits").fingerprint
    assert datasets.owner("digits") == datasets.owner("folder:/some/where.py") == ""
    with pytest.raises(UserError, match="did you mean 'digits'"):
        datasets.check("digitz")
    with pytest.raises(UserError, match="did you mean folder"):
        datasets.check("/usr/lib")


def test_a_data_set_that_fails_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(STRIPES.replace("rng.permutation", "rng.nothing"))
    with pytest.raises(UserError, match=r"AttributeError.*\(mine.py, line \d+\)") as caught:
        datasets.load(str(path))
    assert "\n" not in str(caught.value)


def test_the_extractor_that_a_data_set_declares_is_known_with_it(site: Path) -> None:
    loaded = datasets.load("stripes")
    assert loaded.extractor == "profile"
    assert extractors.find(None, loaded.extractor).features(loaded.test.images).shape == (100, 16)


def test_an_unknown_extractor_is_told_when_the_data_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text((INSIDE / "dataset.py").read_text())
    with pytest.raises(UserError, match="unknown extractor 'profile'"):
        datasets.load(str(path))


# Extractors.


def test_an_extractor_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text((INSIDE / "extractor.py").read_text())
    with pytest.raises(UserError, match="unknown extractor"):
        extractors.identity(str(path), "")
    spec = doors.load(str(path))
    assert spec is not None
    made = extractors.get(str(path))
    assert made.identity == f"profile@{spec.digest[:8]}" == extractors.identity(str(path), "")
    assert made.name == "profile"
    images = torch.arange(3 * 64, dtype=torch.uint8).reshape(3, 1, 8, 8)
    assert made.features(images).shape == (3, 16)
    assert extractors.find(None, "profile").identity == made.identity
    assert not extractor_table.knows_classes(str(path), "digits")


def test_an_extractor_cannot_claim_to_be_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    claim = 'target=Profile, identity="ganbench.evaluate.extractors.shipped:identity",'
    path.write_text((INSIDE / "extractor.py").read_text().replace("target=Profile,", claim))
    spec = doors.load(str(path))
    assert spec is not None
    assert extractors.get(str(path)).identity == f"profile@{spec.digest[:8]}"


def test_an_extractor_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text((INSIDE / "extractor.py").read_text().replace("Profile,", "lambda *_: 3,"))
    doors.load(str(path))
    with pytest.raises(UserError, match="gave int, not a"):
        extractors.get(str(path))


def test_a_planning_process_runs_no_extractor(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("raise SystemExit('never run')")
    scorings = scorings_of(Settings(extractor=str(path)))  # its code would end this process
    assert [one.extractor for one in scorings] == [None, str(path)]
    with pytest.raises(UserError, match="no such extractor file"):
        scorings_of(Settings(extractor=str(tmp_path / "other.py")))


# Owners.


def test_owners(tmp_path: Path, site: Path) -> None:
    assert owner_of("infogan", "digits", ["fid", "modes", "all"], "inception") == ""
    assert owner_of() == ""
    assert owner_of("stripes_gan", "stripes:size=16", ["contrast_gap"], "profile") == "four_kinds"
    file = str(tmp_path / "mine.py")
    assert owner_of("infogan", f"{file}:size=3", ["fid"], None) == file
    both = owner_of("stripes_gan", f"{file}:NAME", ["fid", f"{file}:OTHER"])
    assert both == " + ".join(sorted([file, "four_kinds"]))
    assert owner_of("infogan", extractor="file:/some/net.onnx") == ""
