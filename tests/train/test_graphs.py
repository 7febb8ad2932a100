"""Recorded rounds, with a recorder that stands for a GPU's; and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.core.specs import parse_spec
from ganbench.data.dataset import Split
from ganbench.plugins import registry
from ganbench.train.execution import products
from ganbench.train.execution_modes import Execution
from ganbench.train.graphs import WARM_UP, GraphedRounds
from ganbench.train.trainer import Trainer, build

SPECS = ["infogan", "wgan_gp", "acgan:d_steps=2", "catgan", "vae"]


class Repeats:
    """Stands for CUDA graphs: capturing leaves no trace, replaying plays the same updates.

    Rows are read from where the loader staged them, as a graph would.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.captured = self.replayed = 0

    def side_stream(self) -> Any:
        return nullcontext()

    def slots(self) -> list[tuple[int, int]]:
        """Where rows are staged, and how often that memory was written to."""
        loaders = self.trainer.graphs.dealers  # type: ignore[union-attr]
        return [(slot.data_ptr(), slot._version) for one in loaders for slot in one._slots]

    def capture(self, play: Callable[[], None]) -> Callable[[], None]:
        trainer = self.trainer
        state, staged = trainer.state_dict(), self.slots()
        sums = {key: value.clone() for key, value in trainer.losses.sums.items()}
        play()
        counted = dict(trainer.counters())
        for key, value in sums.items():
            trainer.losses.sums[key].copy_(value)
        graphs, trainer.graphs = trainer.graphs, None
        trainer.load_state_dict(state)
        trainer.count(counted)
        trainer.graphs = graphs
        # a graph repeats at each replay what made or filled memory while it was recorded
        assert staged == self.slots() != []
        self.captured += 1

        def replay() -> None:
            self.replayed += 1
            before = dict(trainer.counters())
            for loader in trainer.graphs.dealers:  # type: ignore[union-attr]
                loader.start_staging(100)
            play()
            for loader in trainer.graphs.dealers:  # type: ignore[union-attr]
                loader.end_staging()
            trainer.count(before)

        return replay


def trainer_of(spec: str, labels: int = 0, device: str = "cpu", mode: str = "eager") -> Trainer:
    digits = data.load("digits")
    reference, given = parse_spec(spec)
    variant = registry.load(reference)
    model = build(variant, digits.shape, 10, variant.resolve(given, "digits"), 0)
    labelled = digits.train.subset(slice(labels)) if labels else None
    return Trainer(
        model,
        digits.train.subset(slice(200)),  # epochs end within a few rounds
        seed=0,
        batch_size=64,
        rounds=100,
        device=device,
        labelled=labelled,
        execution=Execution(mode),  # type: ignore[arg-type]
    )


def history_of(trainer: Trainer, rounds: int = 25) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    trainer.train(rounds, every=7, report=rows.append)
    return rows


@pytest.mark.parametrize(("spec", "labels"), [*((spec, 0) for spec in SPECS), ("sgan", 100)])
def test_recorded_rounds_are_the_same_rounds(spec: str, labels: int) -> None:
    plain, recorded = trainer_of(spec, labels), trainer_of(spec, labels)
    recorder = Repeats(recorded)
    recorded.graphs = recorded.graphed(recorder)
    assert history_of(plain) == history_of(recorded)
    assert recorder.captured == 1
    assert recorder.replayed == 25 - WARM_UP
    assert plain.images_seen == recorded.images_seen
    for a, b in zip(plain.model.parameters(), recorded.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_one_graph_per_set_of_due_updates() -> None:
    trainer = trainer_of("vanilla")
    often, seldom = trainer.updates
    trainer.updates = [often, type(often)(**{**vars(seldom), "every": 3})]
    recorder = Repeats(trainer)
    trainer.graphs = trainer.graphed(recorder)
    trainer.train(30)
    assert recorder.captured == 2
    assert set(trainer.graphs.graphs) == {("discriminator",), ("discriminator", "generator")}


def test_what_cannot_be_captured_is_played_and_told() -> None:
    class Refuses(Repeats):
        def capture(self, play: Callable[[], None]) -> Callable[[], None]:
            play()
            raise RuntimeError("operation not permitted when stream is capturing\nand so on")

    plain, recorded = trainer_of("vanilla"), trainer_of("vanilla")
    recorded.graphs = recorded.graphed(Refuses(recorded))
    recorded.train(WARM_UP)
    before = recorded.images_seen
    assert isinstance(recorded.graphs, GraphedRounds)
    seen = len(recorded.losses.counts)
    recorded.train(1)
    assert recorded.graphs.reason == (
        "RuntimeError: operation not permitted when stream is capturing"
    )
    assert recorded.images_seen == before + 64
    assert len(recorded.losses.counts) == seen == 0  # read at the end of each play
    plain.train(WARM_UP + 1)
    assert plain.loader.rows.position == recorded.loader.rows.position


def test_a_capture_that_fails_half_way_leaves_nothing_behind() -> None:
    class Breaks(Repeats):
        def capture(self, play: Callable[[], None]) -> Callable[[], None]:
            try:
                play()
            except ValueError:
                raise RuntimeError("operation failed due to a previous error")  # noqa: B904

    recorded = trainer_of("vanilla")
    recorded.graphs = recorded.graphed(Breaks(recorded))
    recorded.train(WARM_UP)
    rng = recorded.rngs["latent"].get_state()
    optimizer = recorded.optimizers["discriminator"]
    step = optimizer.step

    def refused() -> None:
        assert any(p.grad is not None for p in recorded.model.parameters())
        assert not torch.equal(rng, recorded.rngs["latent"].get_state())
        optimizer.step = step  # type: ignore[method-assign]
        raise ValueError("what went wrong first")

    optimizer.step = refused  # type: ignore[method-assign]
    recorded.graphs._capture(("discriminator", "generator"))
    assert recorded.graphs.reason == "ValueError: what went wrong first"
    assert all(p.grad is None for p in recorded.model.parameters())
    assert torch.equal(rng, recorded.rngs["latent"].get_state())
    recorded.train(1)


@pytest.mark.parametrize("good", [0, 1])
def test_a_replay_that_goes_wrong_is_found_and_undone(good: int) -> None:
    class Lazy(Repeats):
        def capture(self, play: Callable[[], None]) -> Callable[[], None]:
            replay = super().capture(play)
            return lambda: replay() if self.replayed < good else None

    plain, recorded = trainer_of("infogan"), trainer_of("infogan")
    recorded.graphs = recorded.graphed(Lazy(recorded))
    for trainer in (plain, recorded):
        trainer.train(WARM_UP + 3)
    assert recorded.graphs.reason is not None
    assert recorded.graphs.reason.startswith("a replayed round moved the parameters by 0, not ")
    assert not recorded.graphs.graphs
    assert plain.images_seen == recorded.images_seen
    for a, b in zip(plain.model.parameters(), recorded.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_streamed_images_are_not_captured() -> None:
    class Streamed:
        images = object()

    trainer = trainer_of("vanilla")
    trainer.loader.images = Streamed()  # type: ignore[assignment]
    with pytest.raises(ValueError, match="streamed"):
        trainer.loader.start_staging(1)


def test_graphs_need_a_gpu() -> None:
    assert Execution().on("cpu").mode == "eager"
    assert Execution().on("cuda").mode == "graph"
    with pytest.raises(UserError, match="need a GPU"):
        Execution("graph").on("cpu")
    with pytest.raises(UserError, match="mode 'fast': choose from auto, reference"):
        Execution("fast")  # type: ignore[arg-type]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("spec", SPECS)
def test_graphs_on_a_gpu(spec: str) -> None:
    eager = trainer_of(spec, device="cuda", mode="eager")
    graph = trainer_of(spec, device="cuda", mode="graph")
    for one, other in zip(history_of(eager), history_of(graph), strict=True):
        assert one == pytest.approx(other, rel=0.02)  # a GPU may add up in another order each time
    assert graph.graphs is not None
    assert graph.graphs.reason is None
    assert len(graph.graphs.graphs) == 1
    torch.cuda.set_sync_debug_mode("error")
    try:
        with products(graph.execution.precision):
            for _ in range(5):
                graph.train_round()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_split_smaller_than_a_batch_is_refused_as_before() -> None:
    digits = data.load("digits")
    tiny: Split = digits.train.subset(slice(10))
    variant = registry.load("vanilla")
    model = build(variant, digits.shape, 10, variant.resolve({}, "digits"), 0)
    with pytest.raises(UserError, match="larger than"):
        Trainer(model, tiny, seed=0, batch_size=64, rounds=10)
