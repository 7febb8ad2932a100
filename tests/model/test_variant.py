"""Updates, ownership and hyperparameters."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from ganbench.core.errors import UserError
from ganbench.model import GAN, Batch, DiscriminatorOutput, Loss, Update, Variant, update

SHAPE = (1, 8, 8)


class Two(Variant):
    """Two networks of one weight each."""

    rate: float = 0.1
    mode: Literal["one", "two"] = "one"
    span: tuple[float, float] = (0.0, 1.0)
    limit: int | None = None
    ema_networks = ()

    def build(self) -> None:
        self.first = nn.Linear(1, 1)
        self.second = nn.Linear(1, 1)

    @update("first", lr="rate")
    def first_loss(self, batch: Batch) -> Loss:
        return self.first(batch.real[:, 0, 0, :1]).mean()

    @update("second", lr=0.2, every=3)
    def second_loss(self, batch: Batch) -> Loss:
        return self.second(batch.real[:, 0, 0, :1]).mean()


def test_decorated_methods_become_updates_in_order() -> None:
    first, second = Two(SHAPE, 10, {"rate": 0.5}).updates()
    assert (first.name, first.owns, first.lr, first.every) == ("first", ("first",), 0.5, 1)
    assert (second.name, second.lr, second.every) == ("second", 0.2, 3)
    assert [second.due(n) for n in range(1, 7)] == [False, False, True, False, False, True]


def test_overriding_a_loss_keeps_its_update_and_decorating_anew_replaces_it() -> None:
    class Kept(Two):
        def first_loss(self, batch: Batch) -> Loss:
            return super().first_loss(batch) * 2

    class Anew(Two):
        @update("first", "second", lr=0.3)
        def first_loss(self, batch: Batch) -> Loss:
            return super().first_loss(batch) * 2

    assert Kept(SHAPE, 10).updates()[0].owns == ("first",)
    assert Anew(SHAPE, 10).updates()[0].owns == ("first", "second")
    assert [u.name for u in Anew(SHAPE, 10).updates()] == ["first", "second"]


def test_first_party_ownership_is_whole() -> None:
    GAN(SHAPE, 10).check_ownership()
    Two(SHAPE, 10).check_ownership()


def test_an_owner_of_nothing_is_refused() -> None:
    class Missing(Two):
        @update("first", "third", lr=0.1)
        def first_loss(self, batch: Batch) -> Loss: ...

    class Empty(Two):
        def build(self) -> None:
            super().build()
            self.third = nn.ReLU()

        @update("first", "third", lr=0.1)
        def first_loss(self, batch: Batch) -> Loss: ...

    class Ownerless(Two):
        @update(lr=0.1)
        def first_loss(self, batch: Batch) -> Loss: ...

    for variant, words in (
        (Missing, "no such network"),
        (Empty, "nothing"),
        (Ownerless, "nothing"),
    ):
        with pytest.raises(ValueError, match=words):
            variant(SHAPE, 10).check_ownership()


def test_an_unowned_parameter_is_refused() -> None:
    class Unowned(Two):
        def build(self) -> None:
            super().build()
            self.third = nn.Linear(2, 1)

    with pytest.raises(ValueError, match=r"third\.weight is trained by no update"):
        Unowned(SHAPE, 10).check_ownership()


def test_a_second_owner_must_say_shared() -> None:
    def variant(shared: bool) -> Variant:
        class Twice(Two):
            def updates(self) -> list[Update]:
                extra = Update("extra", ("first", "second"), self.first_loss, 0.1, shared=shared)
                return [*super().updates(), extra]

        return Twice(SHAPE, 10)

    variant(shared=True).check_ownership()
    with pytest.raises(ValueError, match="owned by first and extra"):
        variant(shared=False).check_ownership()


def test_of_several_owners_one_must_be_the_main_one() -> None:
    class OnlyShared(Two):
        @update("first", lr=0.1, shared=True)
        def first_loss(self, batch: Batch) -> Loss: ...

    class TwiceShared(OnlyShared):
        @update("second", "first", lr=0.1, shared=True)
        def second_loss(self, batch: Batch) -> Loss: ...

    OnlyShared(SHAPE, 10).check_ownership()  # nobody else trains it
    with pytest.raises(ValueError, match=r"first\.weight is trained only by shared updates"):
        TwiceShared(SHAPE, 10).check_ownership()


def test_a_part_of_a_network_can_be_owned() -> None:
    class Part(Two):
        def build(self) -> None:
            super().build()
            self.first = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))

        @update("first.0", "first.1.weight", lr=0.1)
        def first_loss(self, batch: Batch) -> Loss: ...

    with pytest.raises(ValueError, match=r"^first\.1\.bias is trained by no update"):
        Part(SHAPE, 10).check_ownership()


def test_a_subclass_default_goes_before_its_bases_recipe() -> None:
    class Recipe(Two):
        recipes = {"digits": {"rate": 0.7, "mode": "two"}}

    class Child(Recipe):
        rate = 0.2

    assert Child.resolve({}, "digits")["rate"] == 0.2
    assert Child.resolve({}, "digits")["mode"] == "two"


def test_a_preset_goes_before_recipes_and_gives_way_to_the_user() -> None:
    class Preset(Two):
        recipes = {"digits": {"rate": 0.7}}
        presets = {"paper": {"rate": 0.3, "mode": "two"}}

    found = Preset.resolve({"preset": "paper", "mode": "one"}, "digits")
    assert (found["rate"], found["mode"], found["preset"]) == (0.3, "one", "paper")
    assert Preset.resolve(found, "digits") == found
    with pytest.raises(UserError, match="did you mean 'paper'"):
        Preset.resolve({"preset": "papers"})


def test_frozen_parameters_need_no_owner() -> None:
    class Frozen(Two):
        def build(self) -> None:
            super().build()
            self.third = nn.Linear(2, 1).requires_grad_(False)

    Frozen(SHAPE, 10).check_ownership()


def test_an_average_of_nothing_is_refused() -> None:
    class Bare(Two):
        ema_networks = ("generator",)

    with pytest.raises(ValueError, match="no network 'generator' to average"):
        Bare(SHAPE, 10).check_ownership()


def test_two_updates_of_one_name_are_refused() -> None:
    class Same(Two):
        def updates(self) -> list[Update]:
            return [
                u if u.name == "first" else Update("first", ("second",), u.loss, 0.1)
                for u in super().updates()
            ]

    with pytest.raises(ValueError, match="two updates are named 'first'"):
        Same(SHAPE, 10).check_ownership()


def test_hyperparameters_are_read_by_their_types() -> None:
    given = {"rate": "2e-3", "mode": "two", "span": "0.5/0.1", "limit": "none"}
    resolved = Two.resolve(given)
    assert resolved["rate"] == 2e-3
    assert resolved["mode"] == "two"
    assert resolved["span"] == (0.5, 0.1)
    assert resolved["limit"] is None
    assert Two.resolve({"limit": "7"})["limit"] == 7
    assert Two.resolve({"fresh_fakes": "true"})["fresh_fakes"] is True


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rat": 1}, "did you mean 'rate'"),
        ({"rat": 1}, "mode, optimizer, preset, rate, span"),
        ({"rate": "fast"}, "rate=fast.*number"),
        ({"mode": "three"}, r"mode=three.*one \| two"),
        ({"span": "1"}, "span=1"),
        ({"limit": "1.5"}, "limit=1.5"),
        ({"ema": 1.5}, "ema=1.5"),
    ],
)
def test_bad_hyperparameters_are_a_users_mistake(given: dict, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        Two.resolve(given, title="two")
    assert "\n" not in str(caught.value)
    assert "two" in str(caught.value)


def test_a_default_is_checked_like_a_users_value() -> None:
    class Bad(Two):
        ema = 1.5

    with pytest.raises(UserError, match=r"bad: ema=1\.5"):
        Bad.resolve({}, title="bad")


def test_recipes_apply_to_their_data_set_and_give_way_to_the_user() -> None:
    class Recipe(Two):
        recipes = {"digits": {"rate": 0.7}}

    class Child(Recipe):
        recipes = {"digits": {"mode": "two"}}

    assert Child.resolve({}, "digits")["rate"] == 0.7
    assert Child.resolve({}, "digits")["mode"] == "two"
    assert Child.resolve({}, "mnist")["rate"] == 0.1
    assert Child.resolve({"rate": 0.9}, "digits")["rate"] == 0.9


def test_initial_weights_are_dcgans() -> None:
    model = GAN((1, 32, 32), 10, {"width": 64})
    weights = torch.cat([p.flatten() for p in model.discriminator.parameters() if p.dim() > 1])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)


def test_a_recipe_s_dense_layer_goes_with_its_backbone() -> None:
    def dense(**given: object) -> object:
        return GAN.resolve(given, "mnist")["dense"]

    assert dense() == dense(backbone="dcgan") == 1024
    assert dense(backbone="mlp") == 0
    assert dense(backbone="mlp", dense=7) == 7  # said by the user: refused when built


@pytest.mark.parametrize("given", [{}, {"half_batches": True}, {"gradient_penalty": 1.0}])
def test_one_pass_of_the_discriminator_is_two(given: dict[str, Any]) -> None:
    """Where no layer mixes a batch, real and generated images go through it together."""
    model = GAN(SHAPE, 10, {**given, "width": 16}).double()
    assert model.one_by_one
    rng = torch.Generator().manual_seed(0)
    real = torch.rand(8, *SHAPE, generator=rng, dtype=torch.float64)
    found = []
    for together in (True, False):
        model.one_by_one = together
        batch = Batch(
            model.generator,
            model.latent,
            lambda: (real, real),
            8,
            rng.manual_seed(1),
            torch.zeros(()),
        )
        batch._fake = real.flip(0).sqrt()
        views_and_loss = model.adversarial_terms(batch)
        found.append([t for view in views_and_loss[:2] for t in view] + [views_and_loss[2]])
        assert len(found[-1]) == 7
        assert len(found[-1][0]) == (4 if "half_batches" in given else 8)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_view_of_ones_own_is_taken_one_side_at_a_time() -> None:
    class Mixed(GAN):
        def view(
            self, images: Tensor, batch: Batch, labels: Tensor | None = None
        ) -> DiscriminatorOutput:
            return super().view(images - images.mean(0), batch, labels)

    class Centred(GAN):
        @staticmethod
        def score_from_outputs(outputs: Tensor) -> Tensor:
            return outputs[:, 0] - outputs.mean()

    assert not Mixed(SHAPE, 10).one_by_one
    assert not Centred(SHAPE, 10).one_by_one
    assert not GAN((1, 32, 32), 10, {"width": 8}).one_by_one  # batch norm
    assert GAN((1, 32, 32), 10, {"width": 8, "d_norm": "none"}).one_by_one
    assert not GAN(SHAPE, 10, {"minibatch_discrimination": 5}).one_by_one
