"""Label budgets in a study: whose trials they change, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganbench
from ganbench import data
from ganbench.core.errors import UserError
from ganbench.evaluate.settings import Settings
from ganbench.records.store import ReferenceDirectory, TrialDirectory, TrialResult
from ganbench.records.tables import frames
from ganbench.study import run_trial
from ganbench.study.references import measure
from ganbench.study.trial import Trial
from ganbench.study.worker_tasks import ReferencesRequest, Scoring, ScoringRequest
from ganbench.train.batches_per_round import batches_per_round
from ganbench.train.round_reads import RoundReads
from ganbench.train.trainer import build
from tests.study.planning import plan

SEMI = """
import torch
import torch.nn.functional as F
from torch import nn
from ganbench.model import Variant, Latent, Noise, Update


class Semi(Variant):
    supervised_only: bool = False
    rate: float = 1e-3

    def build(self):
        self.latent = Latent(Noise(4))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(),
                                        nn.Linear(32, self.classes))
        self.generator = None
        self.ema_networks = ()
        if not self.supervised_only:
            self.generator = nn.Sequential(nn.Linear(4, 64), nn.Tanh(),
                                           nn.Unflatten(1, self.shape))

    def updates(self):
        classifier = Update("classifier", ("classifier",), self.classifier_loss, self.rate)
        if self.supervised_only:
            return [classifier]
        return [classifier, Update("generator", ("generator",), self.generator_loss, self.rate)]

    def classifier_loss(self, batch):
        images, labels = batch.labelled
        loss = F.cross_entropy(self.classifier(images), labels)
        if self.supervised_only:
            return loss
        p = self.classifier(batch.real).log_softmax(1)
        return loss - 0.1 * (p.exp() * p).sum(1).mean()

    def generator_loss(self, batch):
        return (batch.fake.mean(0) - batch.real.mean(0)).square().mean()

    def generate(self, latent):
        if self.supervised_only:
            raise NotImplementedError
        return self.generator(latent.vector)

    def classify(self, images):
        return self.classifier(images)
"""


@pytest.fixture
def semi(tmp_path: Path) -> str:
    path = tmp_path / "semi.py"
    path.write_text(SEMI)
    return str(path)


def test_who_reads_labels(semi: str) -> None:
    digits = data.load("digits")

    def read(spec: str) -> RoundReads:
        (trial,) = plan([spec], seeds=1)
        from ganbench.plugins import registry

        variant = registry.load(trial.config.variant)
        model = build(variant, digits.shape, 10, trial.config.hyperparameters, seed=0)
        state = torch.get_rng_state()
        found = batches_per_round(model, digits.train)
        assert torch.equal(torch.get_rng_state(), state)
        return found

    assert read("vanilla") == (1, False)
    assert read("vanilla:d_steps=3") == (3, False)
    assert read("acgan") == (1, True)
    assert read(semi) == (1, True)  # labelled images beside others are no batch of their own
    assert read(f"{semi}:supervised_only=true") == (1, True)


def test_a_supervised_reference_is_added(semi: str) -> None:
    said: list[str] = []
    trials = plan([semi, "vanilla"], seeds=2, rounds=100, labels=50, tell=said.append)
    only = f"{semi}:supervised_only=true"
    assert [(t.spec, t.config.seed, t.config.labels, t.config.rounds) for t in trials] == [
        (semi, 0, "50", 100),
        (semi, 1, "50", 100),
        (only, 0, "50", 100),
        (only, 1, "50", 100),
        ("vanilla", 0, None, 100),
        ("vanilla", 1, None, 100),
    ]
    assert said == [f"added {only}: what the labelled images alone are worth"]
    assert "-labels50-seed0-" in trials[0].directory.name
    assert "labels" not in trials[4].directory.name
    assert trials[0].title == f"{semi} [labels 50]"


def test_a_supervised_reference_that_was_asked_for_stays_where_it_is(semi: str) -> None:
    only = f"{semi}:supervised_only=true"
    trials = plan([only, semi, f"{semi}:rate=1e-2"], seeds=1, labels="5/class")
    assert [t.spec for t in trials] == [
        only,
        semi,
        f"{semi}:rate=0.01",
        f"{semi}:supervised_only=true,rate=0.01",
    ]
    assert [t.spec for t in plan([semi], seeds=1, hyperparameters={"supervised_only": "true"})] == [
        only
    ]


def test_a_variant_that_was_told_to_read_no_labels_has_no_reference() -> None:
    trials = plan(["catgan:label_weight=0", "sgan"], seeds=1, labels=100)
    assert [(t.spec, t.config.labels) for t in trials] == [
        ("catgan:label_weight=0.0", None),
        ("sgan", "100"),
        ("sgan:supervised_only=true", "100"),
    ]


def test_identities_without_a_budget_stay(semi: str) -> None:
    def identities(**options: object) -> list[str]:
        specs = ["vanilla", f"{semi}:supervised_only=true"]
        return [t.identity for t in plan(specs, seeds=1, rounds=10, **options)]

    vanilla, only = identities()
    assert identities(labels="1097") == [vanilla, only]  # all of them
    assert identities(labels=None) == [vanilla, only]
    for labels in (10, "20"):
        budget = identities(labels=labels)
        assert budget[0] == vanilla
        assert budget[1] != only
    assert identities(labels="10") == identities(labels=10) == identities(labels="1/class")
    assert len({*identities(labels=10), *identities(labels=11), *identities()}) == 4


@pytest.mark.parametrize(
    ("specs", "labels", "words"),
    [
        (["vanilla", "infogan"], "100", r"no variant here reads labels \(vanilla, infogan\)"),
        (["acgan"], "many", r"total \(100\) or a number per class"),
        (["acgan"], "1098", "only 1097 training images"),
        (["acgan"], "109/class", "109 labels per class, but class"),
        (["acgan"], True, "give a total"),
    ],
)
def test_impossible_budgets(specs: list[str], labels: object, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        plan(specs, labels=labels)
    assert "\n" not in str(caught.value)


def test_training_reads_the_labels_of_the_budget_alone(semi: str) -> None:
    digits = data.load("digits")
    trial = plan([semi], seeds="7,", labels=13, rounds=20)[0]
    trainer = run_trial.start(trial, digits)
    assert len(trainer.labelled) == 13
    counts = torch.bincount(trainer.labelled.labels, minlength=10)
    assert set(counts.tolist()) == {1, 2}
    images, labels = trainer.next_batch(trainer.clock).labelled
    assert images.shape == (64, 1, 8, 8)
    assert labels.bincount(minlength=10).min() >= 4  # each of the 13 four times or five
    assert run_trial.start(plan([semi], seeds=1)[0], digits).labelled is None


def test_one_label_is_enough_to_train(semi: str) -> None:
    trial = plan([f"{semi}:supervised_only=true"], seeds=1, labels=1, rounds=20)[0]
    trainer = run_trial.start(trial, data.load("digits"))
    trainer.rehearse()
    trainer.train(20)
    assert trainer.images_seen == 20 * 64


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Trial, TrialDirectory]]:
    place = tmp_path_factory.mktemp("labels")
    (place / "semi.py").write_text(SEMI)
    trials = plan([str(place / "semi.py")], seeds=1, rounds=400, labels=30, results=place)
    for trial in trials:
        run_trial.execute(trial)
    return [(trial, TrialDirectory(trial.directory)) for trial in trials]


@pytest.mark.slow
def test_a_trial_without_a_generator_finishes(
    finished: list[tuple[Trial, TrialDirectory]],
) -> None:
    trial, directory = finished[1]
    record = directory.read_record()
    assert (record.status, record.labels) == ("finished", "30")
    assert record.reason == "no picture of samples, traversal, neighbours: no generate()"
    assert record.generator_updates == 0
    (scores,) = directory.read_scores()
    values = {score.metric: score.value for score in scores.scores}
    assert set(values) == {"test_error", "robust_accuracy", "attack_detection_auc"}
    assert 0.1 < values["test_error"] < 0.6
    reasons = {skip.metric: skip.reason for skip in scores.skipped}
    assert reasons["fid"] == "no generate()"
    assert reasons["auxiliary_accuracy"] == "its latent carries no class label"
    names = {path.name for path in trial.directory.iterdir()}
    assert "history.png" in names
    assert not {"samples.png", "traversal.png"} & names
    assert ganbench.load(trial.directory).classify(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.slow
def test_the_table_says_the_budget(finished: list[tuple[Trial, TrialDirectory]]) -> None:
    trial_results = [TrialResult(d.read_record(), d.read_scores(), d.path) for _, d in finished]
    beside = ReferenceDirectory.beside(finished[0][0].directory)
    scoring = Scoring(Settings(metrics=("test_error",)))
    measure(
        ReferencesRequest(ScoringRequest("digits", None, None, "test", scoring), beside.path, "cpu")
    )
    comparison = frames.compare(trial_results, beside.read())
    assert [group.label for group in comparison.groups] == [
        trial.spec + " [labels 30]" for trial, _ in finished
    ]
    assert len({group.budget for group in comparison.groups}) == 1  # one table
    rows = [r for r in comparison.references if r.metric == "test_error"]
    assert [r.label for r in rows] == ["real training images"]
    assert rows[0].mean < 0.02
