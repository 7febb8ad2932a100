"""Rounds, cadence, ownership in motion, averages, determinism, saving."""

import io

import pytest
import torch
from torch import nn

from ganbench.core.errors import Diverged, UserError
from ganbench.core.seeding import seeds
from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Dataset, Split
from ganbench.model import GAN, Batch, Loss, Variant, update
from ganbench.plugins import registry
from ganbench.train import meters
from ganbench.train.ema import ExponentialMovingAverage
from ganbench.train.meters import LossMeter
from ganbench.train.trainer import Trainer, build

FIRST_PARTY = [
    "vanilla",
    "vanilla:d_steps=2",
    "infogan",
    "infogan:information=joint",
    "infogan:information=q_only",
    "acgan",
]


def make(spec: str, dataset: Dataset, seed: int = 0, rounds: int = 20, **more: object) -> Trainer:
    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    resolved = variant.resolve({**given, **more}, dataset.name)
    model = build(variant, dataset.shape, dataset.classes, resolved, seed)
    return Trainer(model, dataset.train, seed=seed, batch_size=16, rounds=rounds)


def snapshot(model: Variant) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("spec", FIRST_PARTY)
def test_each_update_changes_exactly_its_own_parameters(spec: str, digits: Dataset) -> None:
    trainer = make(spec, digits)
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    batch = trainer.next_batch(trainer.clock)
    for item in trainer.updates:
        before = snapshot(trainer.model)
        trainer.apply_update(item, batch)
        changed = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
        assert changed == {names[id(p)] for p in trainer.owned[item.name]}
        assert all(p.grad is None for p in trainer.model.parameters())


class Counting(GAN):
    """Writes down what is played, and on which real images and latents."""

    slow_every: int = 3

    def build(self) -> None:
        super().build()
        self.extra = nn.Parameter(torch.ones(1))
        self.log: list[tuple[str, float, float, float]] = []

    def note(self, name: str, batch: Batch) -> None:
        real, latent, fake = batch.real, batch.latent.vector, batch.fake
        self.log.append((name, real.sum().item(), latent.sum().item(), fake.sum().item()))

    def discriminator_loss(self, batch: Batch) -> Loss:
        self.note("d", batch)
        return super().discriminator_loss(batch)

    def generator_loss(self, batch: Batch) -> Loss:
        self.note("g", batch)
        return super().generator_loss(batch)

    @update("extra", lr=0.1, every="slow_every")
    def extra_loss(self, batch: Batch) -> Loss:
        self.note("x", batch)
        return self.extra.square().sum()


def counting(digits: Dataset, **hyperparameters: object) -> Trainer:
    model = build(Counting, digits.shape, 10, Counting.resolve(hyperparameters), 0)
    return Trainer(model, digits.train, seed=0, batch_size=16, rounds=10)


def test_cadence(digits: Dataset) -> None:
    trainer = counting(digits, d_steps=2)
    trainer.train(7)
    played = "".join(name for name, *_ in trainer.model.log)
    assert played == "ddg" + "ddg" + "ddgx" + "ddg" + "ddg" + "ddgx" + "ddg"
    assert trainer.generator_updates == 7
    assert trainer.images_seen == 7 * 2 * 16


def test_discriminator_steps_see_fresh_images_and_latents_and_share_the_last_fakes(
    digits: Dataset,
) -> None:
    trainer = counting(digits, d_steps=2, slow_every=1)
    trainer.train(1)
    first, second, generator, extra = [entry[1:] for entry in trainer.model.log]
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert generator == second  # the very batch of the last discriminator step
    assert extra[:2] == generator[:2]
    assert extra[2] != generator[2]  # the same latent through the moved generator


def test_fresh_fakes_switches_sharing_off(digits: Dataset) -> None:
    trainer = counting(digits, fresh_fakes=True)
    trainer.train(1)
    discriminator, generator = [entry[1:] for entry in trainer.model.log]
    assert discriminator[0] == generator[0]
    assert discriminator[1] != generator[1]


def test_nothing_is_drawn_that_no_loss_reads(digits: Dataset) -> None:
    class Blind(GAN):
        def discriminator_loss(self, batch: Batch) -> Loss:
            return self.discriminator(batch.fake).score.mean()

    model = build(Blind, digits.shape, 10, Blind.resolve({}), 0)
    trainer = Trainer(model, digits.train, seed=0, batch_size=16, rounds=10)
    trainer.train(2)
    assert trainer.images_seen == 0


@pytest.mark.parametrize("spec", ["infogan", "acgan"])
def test_one_seed_fixes_everything(spec: str, digits: Dataset) -> None:
    def weights(seed: int, disturb: int) -> torch.Tensor:
        torch.manual_seed(disturb)
        trainer = make(spec, digits, seed)
        torch.rand(disturb)
        trainer.train(5)
        return torch.cat([p.flatten() for p in trainer.model.parameters()])

    assert torch.equal(weights(1, 3), weights(1, 4))
    assert not torch.equal(weights(1, 3), weights(2, 3))


def test_training_leaves_the_global_generator_alone(digits: Dataset) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make("infogan", digits).train(2)
    assert torch.equal(torch.rand(3), expected)


def test_random_streams_are_independent() -> None:
    drawn = {seed: tuple(seeds(seed).values()) for seed in range(50)}
    flat = [value for values in drawn.values() for value in values]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("spec", FIRST_PARTY)
def test_saved_and_loaded_the_next_round_is_the_same(spec: str, digits: Dataset) -> None:
    first = make(spec, digits)
    first.train(75)  # across the end of an epoch
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second = make(spec, digits, seed=0)
    second.load_state_dict(torch.load(buffer, weights_only=True))
    reports: list[list[dict[str, float]]] = [[], []]
    for trainer, report in zip((first, second), reports, strict=True):
        trainer.train(3, every=1, report=report.append)
    assert reports[0] == reports[1]
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(
        first.evaluation_model().parameters(), second.evaluation_model().parameters(), strict=True
    ):
        assert torch.equal(a, b)


def test_a_rehearsal_changes_nothing_and_counts_operations(digits: Dataset) -> None:
    one, two = make("infogan", digits), make("infogan", digits)
    flops = one.rehearse()
    one.train(3)
    two.train(3)
    for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    # One pass of D's three matrix products costs 2 * 16 * (64*256 + 256*256 + 256) operations.
    pass_d = 2 * 16 * (64 * 256 + 256 * 256 + 256)
    assert 8 * pass_d < flops < 40 * pass_d


def test_a_loss_that_misses_a_parameter_is_refused(digits: Dataset) -> None:
    class Lost(GAN):
        @update("generator", "discriminator", lr=0.1, shared=True)
        def extra_loss(self, batch: Batch) -> Loss:
            return self.discriminator(batch.fake).features.mean()

    model = build(Lost, digits.shape, 10, Lost.resolve({}), 0)
    trainer = Trainer(model, digits.train, seed=0, batch_size=16, rounds=5)
    with pytest.raises(ValueError, match=r"'extra' does not reach .*discriminator\.output\.weight"):
        trainer.rehearse()


@pytest.mark.parametrize(
    ("value", "words"),
    [("vector", "scalar"), ("number", "scalar"), ("nan", "nan"), ("detached", "does not reach")],
)
def test_a_loss_that_is_no_finite_scalar_is_refused(
    value: str, words: str, digits: Dataset
) -> None:
    class Odd(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            score = self.discriminator(batch.fake).score
            return {
                "vector": score,
                "number": 1.0,
                "nan": score.mean() * float("nan"),
                "detached": score.mean().detach(),
            }[value]

    model = build(Odd, digits.shape, 10, Odd.resolve({}), 0)
    trainer = Trainer(model, digits.train, seed=0, batch_size=16, rounds=5)
    with pytest.raises(ValueError, match=words):
        trainer.rehearse()


def test_divergence_says_which_loss_and_when(digits: Dataset) -> None:
    class Late(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            loss = super().generator_loss(batch)
            return loss + torch.where(batch.progress > 0.25, float("inf"), 0.0)

    model = build(Late, digits.shape, 10, Late.resolve({}), 0)
    trainer = Trainer(model, digits.train, seed=0, batch_size=16, rounds=100)
    with pytest.raises(Diverged, match=r"generator became inf between rounds 21 and 30"):
        trainer.train(100, every=10)


def test_a_batch_larger_than_the_split_is_a_users_mistake(digits: Dataset) -> None:
    model = build(GAN, digits.shape, 10, {}, 0)
    with pytest.raises(UserError, match="2000 is larger than the 1097"):
        Trainer(model, digits.train, seed=0, batch_size=2000, rounds=5)


def test_history_is_the_mean_between_readings(digits: Dataset) -> None:
    class Steps(GAN):
        def generator_loss(self, batch: Batch) -> Loss:
            return super().generator_loss(batch), {"progress": batch.progress}

    model = build(Steps, digits.shape, 10, Steps.resolve({}), 0)
    reports: list[dict[str, float]] = []
    Trainer(model, digits.train, seed=0, batch_size=16, rounds=10).train(10, 4, reports.append)
    assert [r["round"] for r in reports] == [4, 8, 10]
    assert [r["progress"] for r in reports] == pytest.approx([0.15, 0.55, 0.85])
    assert [r["images"] for r in reports] == [64, 128, 160]


def test_gauge_counts_only_what_was_due() -> None:
    losses = LossMeter(torch.device("cpu"))
    for value in (1.0, 3.0):
        losses.add({"a": torch.tensor(value)})
    losses.add({"b": torch.tensor(7.0)})
    assert losses.read() == {"a": 2.0, "b": 7.0}
    assert losses.read() == {}


def test_average_warms_up_and_follows() -> None:
    net = nn.ModuleDict({"generator": nn.BatchNorm1d(1)})
    average = ExponentialMovingAverage(net, decay=0.9)
    expected = 1.0
    for t in range(1, 200):
        with torch.no_grad():
            net["generator"].weight.fill_(t)
            net["generator"].running_mean.fill_(t)
        average.update(torch.tensor(float(t)))
        decay = min(0.9, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * t
    assert average.slow["generator"].weight.item() == pytest.approx(expected, rel=1e-5)
    assert average.slow["generator"].running_mean.item() == 199


def test_evaluation_model_is_averaged_frozen_and_apart(digits: Dataset) -> None:
    trainer = make("infogan", digits)
    trainer.train(10)
    model = trainer.evaluation_model()
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    slow = dict(trainer.averages["generator"].slow["generator"].named_parameters())
    for name, value in model.generator.named_parameters():
        assert torch.equal(value, slow[name])
    for name, value in model.discriminator.state_dict().items():
        assert torch.equal(value, trainer.model.discriminator.state_dict()[name])
    assert trainer.model.training
    before = snapshot(model)
    trainer.train(1)
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_averaged_batch_norm_statistics_are_its_own(digits: Dataset) -> None:
    """In eval mode, hidden units of the averaged generator have mean 0 and variance 1."""
    trainer = make("vanilla", digits)
    trainer.train(20)
    generator = trainer.evaluation_model().generator
    latent = trainer.model.latent.draw(20_000, torch.Generator().manual_seed(9)).vector
    normed = nn.functional.batch_norm(
        generator[0](latent), generator[1].running_mean, generator[1].running_var
    )
    # 50 batches of 16: five standard errors of a mean and of a variance
    assert normed.mean(0).abs().max() < 5 / 800**0.5
    assert (normed.var(0) - 1).abs().max() < 5 * (2 / 800) ** 0.5
    again = trainer.evaluation_model().generator
    assert torch.equal(again[1].running_mean, generator[1].running_mean)


def test_split_smaller_than_an_epoch_of_batches(digits: Dataset) -> None:
    """Every image is dealt once per epoch, also where batches cross its end."""
    split = Split(torch.arange(10, dtype=torch.uint8).reshape(10, 1, 1, 1), torch.arange(10))
    from ganbench.data.batches import BatchLoader

    loader = BatchLoader(split, 4, torch.Generator().manual_seed(0))
    labels = torch.cat([loader()[1] for _ in range(5)])
    assert sorted(labels[:10].tolist()) == list(range(10))
    assert sorted(labels[10:].tolist()) == list(range(10))


def test_a_long_training_keeps_a_bounded_number_of_durations(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meters, "KEPT", 20)
    trainer = make("vanilla", digits)
    for _ in range(5):
        trainer.train(6, every=2)
        assert len(trainer.timer.marks) == 0
    assert 10 <= len(trainer.timer.read()) <= 20
    assert all(ms > 0 for ms in trainer.timer.durations)
