from pathlib import Path

import pytest
import torch

from ganbench.core.errors import UserError
from ganbench.plugins import registry
from ganbench.study.config import parse_seeds
from ganbench.study.resolve import parse_device
from tests.study.planning import plan


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [0, 1, 2]), (2, [0, 1]), ("4,7", [4, 7]), ("4,", [4]), ([5, 1], [5, 1])],
)
def test_seeds(text: object, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "a", "1,x", "1,1", "-1,2", ",", [], "1.5"])
def test_bad_seeds(text: object) -> None:
    with pytest.raises(UserError, match="seeds"):
        parse_seeds(text)


def test_devices() -> None:
    assert parse_device("cpu") == "cpu"
    for name in ("gpu", "mps:9", "", "cuda:x"):
        with pytest.raises(UserError, match="device"):
            parse_device(name)
    if not torch.cuda.is_available():
        assert parse_device("auto") == "cpu"
        with pytest.raises(UserError, match="finds no CUDA device"):
            parse_device("cuda")


def test_trials_in_table_order() -> None:
    trials = plan(["infogan", "vanilla:d_steps=2", "infogan:info_weight=0.5"], seeds="1,4")
    assert [(t.spec, t.config.seed) for t in trials] == [
        ("infogan", 1),
        ("infogan", 4),
        ("vanilla:d_steps=2", 1),
        ("vanilla:d_steps=2", 4),
        ("infogan:info_weight=0.5", 1),
        ("infogan:info_weight=0.5", 4),
    ]
    assert len({t.identity for t in trials}) == 6
    assert len({t.directory for t in trials}) == 6
    assert trials[0].config.hyperparameters["noise"] == 32  # the recipe for digits
    assert trials[0].config.rounds == 3000


def test_all_variants_see_the_same_number_of_images() -> None:
    trials = plan(["vanilla", "vanilla:d_steps=5"], seeds=1, rounds=100)
    assert [t.config.rounds for t in trials] == [100, 20]


def test_identity_is_what_can_change_the_training(tmp_path: Path) -> None:
    def identity(spec: str = "infogan", **options: object) -> str:
        return plan([spec], **{"seeds": 1, "rounds": 10, **options})[0].identity

    same = identity()
    assert identity(results=tmp_path) == same
    assert identity("infogan:info_weight=1.0") == same
    assert identity(hyperparameters={"info_weight": "1"}) == same
    changed = [
        identity("infogan:info_weight=0.5"),
        identity("vanilla"),
        identity(seeds="1,"),
        identity(rounds=11),
        identity(batch_size=32),
    ]
    assert len({same, *changed}) == 6


def test_a_preset_is_named_and_not_spelt_out() -> None:
    (trial,) = plan(["infogan:preset=authors,d_lr=1e-3"], seeds=1)
    assert trial.spec == "infogan:preset=authors,d_lr=0.001"
    assert trial.config.hyperparameters["information"] == "joint"
    with pytest.raises(UserError, match="unknown preset of vanilla: 'authors'"):
        plan(["vanilla:preset=authors"])


def test_no_preset_is_no_trial_of_its_own() -> None:
    trials = plan(["infogan", "infogan:preset=", "infogan:preset=none"], seeds=1)
    assert [trial.spec for trial in trials] == ["infogan"]


def test_only_steps_that_read_real_images_use_up_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "steps.py"
    path.write_text(
        "from dataclasses import replace\n"
        "from ganbench.model import GAN\n\n\n"
        "class Steps(GAN):\n"
        "    def updates(self):\n"
        "        d, g = super().updates()\n"
        "        return [d, replace(g, steps=5)]\n"
    )
    (trial,) = plan([str(path)], seeds=1, rounds=50)
    assert trial.config.rounds == 50
    (trial,) = plan([f"{path}:d_steps=5"], seeds=1, rounds=50)
    assert trial.config.rounds == 10
    (trial,) = plan([f"{path}:adversarial=relativistic"], seeds=1, rounds=50)
    assert (
        trial.config.rounds == 10
    )  # a paired loss reads real images in the generator's steps, too


def test_set_gives_way_to_the_spec() -> None:
    trials = plan(["infogan:d_lr=1e-3", "infogan"], seeds=1, hyperparameters={"d_lr": "2e-3"})
    assert [t.config.hyperparameters["d_lr"] for t in trials] == [1e-3, 2e-3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"specs": []}, "at least one variant"),
        ({"specs": ["infogn"]}, "did you mean 'infogan'"),
        ({"specs": ["infogan:lr=1"]}, "valid: .*d_lr"),
        ({"specs": ["infogan:d_lr=fast"]}, "d_lr=fast"),
        (
            {"specs": ["infogan"], "hyperparameters": {"infoweight": "1"}},
            "did you mean 'info_weight'",
        ),
        ({"specs": ["vanilla"], "dataset": "digit"}, "did you mean 'digits'"),
        ({"specs": ["vanilla"], "rounds": 0}, "rounds 0"),
        ({"specs": ["vanilla"], "batch_size": 1}, "batch size 1"),
        ({"specs": ["vanilla"], "batch_size": 1098}, "1097 training images"),
        ({"specs": ["infogan:categorical=1"]}, "at least 2 classes"),
        ({"specs": ["vanilla:noise=0,categorical=,continuous=0"]}, "noise or codes"),
    ],
)
def test_mistakes_are_told_before_training(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        plan(**options)
    assert "\n" not in str(caught.value)


BAD = {
    "raise KeyError('x')": "KeyError",
    "raise RuntimeError('two\\nlines')": "RuntimeError: two",
    "import sys; sys.exit(3)": "SystemExit",
}


@pytest.mark.parametrize("line", BAD)
def test_whatever_a_build_does_is_told_in_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        "from ganbench.model import GAN\n\n\n"
        f"class Bad(GAN):\n    def build(self):\n        {line}\n"
    )
    with pytest.raises(UserError, match=BAD[line]) as caught:
        plan([str(path)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("knob", ["where: Path = Path('x')", "where: 'Nonexistent' = 3"])
def test_hyperparameters_that_no_record_can_hold(knob: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        "from pathlib import Path\nfrom ganbench.model import GAN\n\n\n"
        f"class Bad(GAN):\n    {knob}\n"
    )
    with pytest.raises(UserError, match="hyperparameters cannot be used"):
        plan([str(path)])


def test_the_same_trials_are_said_to_be_the_same() -> None:
    said: list[str] = []
    trials = plan(["infogan", "infogan:info_weight=1"], seeds=2, tell=said.append)
    assert len(trials) == 2
    assert said == []  # one label: nothing to say
    copy = Path(registry.load("vanilla").__module__)  # not a file: the class by its module
    trials = plan(["vanilla", f"{copy}:Vanilla"], seeds=2, tell=said.append)
    assert len(trials) == 2
    assert said == ["ganbench.variants.vanilla:Vanilla is the same as vanilla"]


@pytest.mark.parametrize("options", [{"seeds": 1.5}, {"rounds": "50"}, {"specs": [int]}])
def test_wrong_types_from_python(options: dict) -> None:
    with pytest.raises(UserError):
        plan(**{"specs": ["vanilla"], **options})


def test_a_variant_that_cannot_be_built_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        "import torch\nfrom ganbench.model import GAN\n\n\n"
        "class Bad(GAN):\n"
        "    def build(self):\n"
        "        super().build()\n"
        "        self.extra = torch.nn.Linear(2, 2)\n"
    )
    with pytest.raises(UserError, match=r"extra\.weight is trained by no update"):
        plan([str(path)])


def test_a_hyperparameter_that_no_code_reads_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "bigan.py").write_text(
        "from tests.plugins.checks.honest import BiGAN as Base\n\n\nclass BiGAN(Base):\n    pass\n"
    )
    guest = str(tmp_path / "bigan.py")
    specs = [f"{guest}:noise=7", f"{guest}:codes=4", "vanilla:noise=7", "vanilla:d_norm=layer"]
    trials = plan([guest, *specs], seeds=1, rounds=1, tell=told.append)
    assert len(trials) == 5
    assert told == [
        f"{guest}:noise=7: nothing in it reads noise; the row is another in name",
        "vanilla:d_norm=layer: nothing in it reads d_norm; the row is another in name",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.installed())
def test_first_party_variants_read_what_they_declare(name: str) -> None:
    from ganbench import data
    from ganbench.model import Variant
    from ganbench.model.hyperparameters import declared
    from ganbench.train.batches_per_round import FEW, unread_hyperparameters

    variant = registry.load(name)
    few = data.load("digits").train[:FEW]
    found = unread_hyperparameters(
        variant, 10, few, variant.resolve({}, "digits"), declared(variant, Variant)
    )
    # Of backbones that digits are not given; what a variant has no use for is in `unsupported`.
    of_backbones = {"dense", "d_norm", "hidden", "g_activation"}
    assert set(found) - of_backbones <= set(variant.unsupported)
