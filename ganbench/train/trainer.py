"""The trainer: applies every update that is due, once per round, in written order."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ganbench.core.errors import Diverged, UserError
from ganbench.core.seeding import seeds
from ganbench.data.batches import BatchLoader
from ganbench.data.dataset import Split, Streamed
from ganbench.model import Batch, Update, Variant
from ganbench.train.ema import ExponentialMovingAverage
from ganbench.train.execution import arrange, autocast, products
from ganbench.train.execution_modes import Execution
from ganbench.train.graph_check import graph_check
from ganbench.train.graphs import CudaRecorder, GraphedRounds, Recorder
from ganbench.train.historical_averaging import HistoricalAverage
from ganbench.train.meters import LossMeter, StepTimer
from ganbench.train.optimizers import Rate, clip_gradient, clip_weights, load_state, make
from ganbench.train.rehearsal import rehearse

UpdateHook = Callable[[Update], None]
Section = Callable[[str], AbstractContextManager[Any]]

CALIBRATION = 50
"""Batches that an averaged network's batch-norm statistics are taken from."""


def _only(name: str, act: Callable[[], None], update: Update) -> None:
    """Do something where an update is the one of this name."""
    if update.name == name:
        act()


def build(
    variant: type[Variant],
    shape: tuple[int, ...],
    classes: int,
    hyperparameters: dict[str, Any],
    seed: int,
) -> Variant:
    """Make a variant with initial weights fixed by `seed`; torch's own generator is untouched."""
    with torch.random.fork_rng():
        torch.manual_seed(seeds(seed)["weights"])
        model = variant(shape, classes, hyperparameters)
    model.check_ownership()
    return model


class Trainer:
    """Trains one variant on one split; `rounds` is the length of its schedules.

    labelled: the part of `split` whose labels may be read; None means all of it.
    execution: how rounds are executed. adapt: what to make of each update before it is played:
    `lambda one: replace(one, lr=1e-3)` trains all of them at one rate.

    Hooks, lists of functions to append to: `before_step` is called with the update between its
    backward pass and its optimizer's step, `after_update` behind the step, `after_round` with
    nothing behind each round. Where a round is recorded (mode graph), what the first two launch
    on the device is recorded with it, and what they do in Python happens while it is recorded
    only; `after_round` is called behind every round, recorded or not.

    Raises ValueError where a loss is no finite scalar on the first batch or cannot reach a
    parameter that its update owns, and UserError where a batch is larger than the split.
    """

    def __init__(
        self,
        model: Variant,
        split: Split | Streamed,
        *,
        seed: int,
        batch_size: int,
        rounds: int,
        device: torch.device | str = "cpu",
        labelled: Split | Streamed | None = None,
        execution: Execution | None = None,
        adapt: Callable[[Update], Update] = lambda update: update,
    ) -> None:
        self.device = torch.device(device)
        self.execution = (execution or Execution()).on(self.device.type)
        self.model = model.to(self.device).train()
        arrange(self.model, self.execution.mode)
        self.seed = seed
        self.rounds = rounds
        self.batch_size = batch_size
        self.adapt = adapt
        self._section: Section = nullcontext
        streams = seeds(seed)
        self.rngs = {
            name: torch.Generator(self.device).manual_seed(streams[name])
            for name in ("data", "latent", "labelled")
        }
        if batch_size > len(split):
            raise UserError(
                f"batch size {batch_size} is larger than the {len(split)} training images"
            )
        self.loader = BatchLoader(split, batch_size, self.rngs["data"])
        self.labelled = labelled
        self.labelled_loader = (
            None if labelled is None else BatchLoader(labelled, batch_size, self.rngs["labelled"])
        )
        self.round = 0
        self.images_seen = 0
        self.clock = torch.zeros((), device=self.device)
        self.model.prepare(self.next_batch(self.clock))
        self.images_seen = 0
        self.updates = [adapt(self.model.completed(update)) for update in self.model.updates()]
        self.owned = {update.name: self.model.owned(update) for update in self.updates}
        self.rates = {update.name: Rate(update, self.device) for update in self.updates}
        self.optimizers = {
            update.name: make(
                update, self.owned[update.name], self.execution.mode, self.rates[update.name]
            )
            for update in self.updates
        }
        self.historical_averages = {
            update.name: HistoricalAverage(self.owned[update.name], update.historical_averaging)
            for update in self.updates
            if update.historical_averaging
        }
        self.before_step: list[UpdateHook] = []
        self.after_update: list[UpdateHook] = []
        self.after_round: list[Callable[[], None]] = []
        for one in self.updates:
            self._attach(one)
        generator = getattr(model, "generator", None)
        moving = {id(p) for p in generator.parameters()} if generator is not None else set()
        self.moves_generator = {
            name: any(id(p) in moving for p in owned) for name, owned in self.owned.items()
        }
        self.averages = {
            name: ExponentialMovingAverage(
                nn.ModuleDict({name: getattr(self.model, name)}), self.model.ema
            )
            for name in self.model.ema_networks
        }
        self.losses = LossMeter(self.device)
        self.timer = StepTimer(self.device)
        self.graphs: GraphedRounds | None = None
        if self.execution.mode == "graph":
            drawn = [self.rngs["latent"]]
            self.graphs = self.graphed(CudaRecorder(self.device, drawn))

    def _attach(self, update: Update) -> None:
        """Hook up what an update asks for around its step: its past, and bounds."""
        owned, past = self.owned[update.name], self.historical_averages.get(update.name)
        before, after = [], []
        if past:
            before.append(past.add_gradient)
            after.append(past.update)
        if update.clip_gradient:
            before.append(partial(clip_gradient, owned, update.clip_gradient))
        if update.clip_weights:
            after.append(partial(clip_weights, owned, update.clip_weights))
        self.before_step += [partial(_only, update.name, act) for act in before]
        self.after_update += [partial(_only, update.name, act) for act in after]

    @contextmanager
    def sections(self, section: Section) -> Iterator[None]:
        """While it lasts, `section` makes the context that each part of a round runs in: `update
        NAME`, `data`, `optimizer`. A profiler's ranges, say, or a clock."""
        outside, self._section = self._section, section
        try:
            yield
        finally:
            self._section = outside

    def graphed(self, recorder: Recorder) -> GraphedRounds:
        """Rounds that are recorded once and replayed."""
        loaders = [self.loader] + ([self.labelled_loader] if self.labelled_loader else [])
        return GraphedRounds(
            recorder,
            self.run_updates,
            loaders,
            self.counters,
            self.count,
            partial(graph_check, self),
            self.rollback,
        )

    def rollback(self) -> Callable[[], None]:
        """A function that undoes a round that was captured in part."""
        state = self.rngs["latent"].get_state()

        def recover() -> None:
            self.rngs["latent"] = torch.Generator(self.device)  # the old one may be locked
            self.rngs["latent"].set_state(state)
            for parameter in self.model.parameters():
                parameter.grad = None

        return recover

    def clone(self) -> Trainer:
        """A trainer of a copy of the model, with the same data and settings, at its start."""
        return Trainer(
            copy.deepcopy(self.model),
            self.loader.split,
            seed=self.seed,
            batch_size=self.batch_size,
            rounds=self.rounds,
            device=self.device,
            labelled=self.labelled_loader.split if self.labelled_loader else None,
            execution=self.execution.plainly(),
            adapt=self.adapt,
        )

    def counters(self) -> dict[Any, int]:
        """What rounds count on the host."""
        return {None: self.images_seen, **self.losses.counts}

    def count(self, values: Mapping[Any, int]) -> None:
        """Set what `counters` gives."""
        self.images_seen = values[None]
        self.losses.counts = {name: n for name, n in values.items() if name is not None and n}

    def train(
        self, rounds: int, every: int = 50, report: Callable[[dict[str, float]], None] | None = None
    ) -> None:
        """Train for `rounds` rounds; every `every` rounds, read the meters and report them.

        Raises Diverged where a loss is no longer finite.
        """
        last = self.round + rounds
        self.timer.mark()
        with products(self.execution.precision):
            while self.round < last:
                self.train_round()
                self.timer.mark()
                if self.round % every == 0 or self.round == last:
                    means = self.losses.read()
                    self.timer.read()  # the device is waited for anyway
                    for name, value in means.items():
                        if not math.isfinite(value):
                            raise Diverged(
                                f"{name} became {value} between rounds "
                                f"{max(self.round - every, 0) + 1} and {self.round}"
                            )
                    if report:
                        report({"round": self.round, "images": self.images_seen, **means})
        self.timer.pause()

    def train_round(self) -> None:
        """Apply every update that is due, once, in written order; then update the averages."""
        number = self.round + 1
        due = tuple(update.name for update in self.updates if update.due(number))
        (self.graphs or self.run_updates)(due)
        self.round = number
        for hook in self.after_round:
            hook()

    def run_updates(self, due: tuple[str, ...]) -> None:
        """A round on the device: what a CUDA graph records."""
        progress = self.clock / self.rounds
        batch = self.next_batch(progress)
        for update in self.updates:
            if update.name in due:
                for step in range(update.steps):
                    if step:
                        batch = self.next_batch(progress)
                    self.apply_update(update, batch)
        self.clock += 1
        for average in self.averages.values():
            average.update(self.clock)

    def apply_update(self, update: Update, batch: Batch) -> None:
        """One step of one update. Only its own parameters get gradients and move."""
        owned = self.owned[update.name]
        with self._section(f"update {update.name}"):
            loss, logs = self.loss(update, batch)
            loss.backward(inputs=owned)
        with self._section("optimizer"):
            for hook in self.before_step:
                hook(update)
            self.rates[update.name].follow(batch.progress)
            self.optimizers[update.name].step()
            for hook in self.after_update:
                hook(update)
            for parameter in owned:
                parameter.grad = None
        self.losses.add({update.name: loss, **logs})
        if self.model.fresh_fakes:
            batch.forget_latent()
        elif self.moves_generator[update.name]:
            batch.forget_fake()

    def loss(self, update: Update, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """An update's loss and what it logs."""
        with autocast(self.device, self.execution.precision):
            result = update.loss(batch)
        return result if isinstance(result, tuple) else (result, {})

    def next_batch(self, progress: Tensor) -> Batch:
        """A new batch; its real images count as seen once something reads them.

        The few labelled images of a label budget, which come again and again, count only
        where no others are read beside them.
        """
        counted = False

        def read(loader: BatchLoader) -> tuple[Tensor, Tensor]:
            nonlocal counted
            self.images_seen += 0 if counted else self.batch_size
            counted = True
            with self._section("data"):
                return loader()

        labelled = self.labelled_loader
        return self.model.batch(
            lambda: read(self.loader),
            self.batch_size,
            self.rngs["latent"],
            progress,
            None if labelled is None else lambda: read(labelled),
        )

    @property
    def generator_updates(self) -> int:
        """How often the generator has been updated so far."""
        return sum(
            self.round // update.every * update.steps
            for update in self.updates
            if self.moves_generator[update.name]
        )

    def evaluation_model(self) -> Variant:
        """A copy to evaluate: averaged networks, live heads, eval mode, on the same device.

        An averaged network gets batch-norm statistics of its own, from fresh latents or, if
        it is no generator, from real images (Izmailov et al. 2018, arXiv:1803.05407, sec. 3.2):
        those of the live one do not fit its weights, and averaged ones fit neither.
        """
        model = copy.deepcopy(self.model)
        for name, average in self.averages.items():
            getattr(model, name).load_state_dict(average.slow[name].state_dict())
        rng = torch.Generator(self.device).manual_seed(seeds(self.seed)["calibration"])
        for name in self.averages:
            if name == "generator":
                draws = (model.latent.draw(self.batch_size, rng).vector for _ in range(CALIBRATION))
                update_bn(draws, model.generator)
            else:  # a network of images
                loader = BatchLoader(self.loader.split, self.batch_size, rng)
                update_bn((loader()[0] for _ in range(CALIBRATION)), getattr(model, name))
        return model.to(memory_format=torch.contiguous_format).requires_grad_(False).eval()

    def rehearse(self) -> int:
        """A round's floating-point operations, counted on a copy; see `rehearsal.rehearse`.

        Raises ValueError where a loss is no finite scalar, or where it cannot reach a parameter
        that its update owns.
        """
        return rehearse(self)

    def state_dict(self) -> dict[str, Any]:
        """All that the next round depends on, as tensors and numbers; a copy."""
        state = {
            "model": self.model.state_dict(),
            "averages": {name: a.slow.state_dict() for name, a in self.averages.items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "rngs": {name: rng.get_state() for name, rng in self.rngs.items()},
            "loader": self.loader.state_dict(),
            "labelled_loader": self.labelled_loader.state_dict() if self.labelled_loader else {},
            "historical_averages": {
                name: past.state_dict() for name, past in self.historical_averages.items()
            },
            "round": self.round,
            "images_seen": self.images_seen,
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state: the next round is the one that would have followed."""
        self.model.load_state_dict(state["model"])
        for name, average in self.averages.items():
            average.slow.load_state_dict(state["averages"][name])
        for name, optimizer in self.optimizers.items():
            load_state(optimizer, self.rates[name], state["optimizers"][name])
        for name, rng in self.rngs.items():
            rng.set_state(state["rngs"][name])
        self.loader.load_state_dict(state["loader"])
        if self.labelled_loader:
            self.labelled_loader.load_state_dict(state["labelled_loader"])
        for name, past in self.historical_averages.items():
            past.load_state_dict(state["historical_averages"][name])
        self.round = state["round"]
        self.images_seen = state["images_seen"]
        self.clock.fill_(self.round)
        if self.graphs:
            self.graphs.forget()
