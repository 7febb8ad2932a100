"""torchgan's trainer beside ganbench's, on torchgan's own DCGAN networks for 32 px."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.pairs import DEFAULTS, WORKERS, Side, interleave, middle, ratio, serve

BATCH, SIDE, NOISE, WIDTH = 64, 32, 100, 32


def unavailable() -> str | None:
    """Why torchgan cannot be used here, in one line."""
    try:
        for module in ("models", "losses", "trainer"):
            import_module(f"torchgan.{module}")
    except Exception as error:
        return f"torchgan does not import ({type(error).__name__}: {error}): left out"
    return None


def networks() -> tuple[nn.Module, nn.Module]:
    """torchgan's generator and discriminator."""
    models = import_module("torchgan.models")
    generator = models.DCGANGenerator(NOISE, SIDE, 1, WIDTH)
    return generator, models.DCGANDiscriminator(SIDE, 1, WIDTH, last_nonlinearity=nn.Identity())


def theirs() -> Callable[[int], None]:
    """Rounds of torchgan's Trainer: its minimax losses, one update of either network."""
    os.environ["TENSORBOARD_LOGGING"] = os.environ["VISDOM_LOGGING"] = "0"
    os.environ["CONSOLE_LOGGING"] = "0"
    networks, losses = import_module("torchgan.models"), import_module("torchgan.losses")
    trainers = import_module("torchgan.trainer")
    adam = {"name": torch.optim.Adam, "args": {"lr": 2e-4, "betas": (0.5, 0.999)}}
    models = {
        "generator": {
            "name": networks.DCGANGenerator,
            "args": {"encoding_dims": NOISE, "out_size": SIDE, "out_channels": 1},
            "optimizer": adam,
        },
        "discriminator": {
            "name": networks.DCGANDiscriminator,
            "args": {"in_size": SIDE, "in_channels": 1, "last_nonlinearity": nn.Identity()},
            "optimizer": adam,
        },
    }
    for model in models.values():
        model["args"]["step_channels"] = WIDTH
    place = tempfile.mkdtemp()
    trainer = trainers.Trainer(
        models,
        [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        checkpoints=f"{place}/model/gan",
        recon=f"{place}/images",
        log_dir=f"{place}/logs",
    )
    images = pictures().float() / 127.5 - 1

    def play(rounds: int) -> None:
        trainer.batch_size = BATCH
        for _ in range(rounds):
            rows = torch.randint(len(images), (BATCH,))
            trainer.real_inputs = images[rows]
            lgen, ldis, gen_iter, dis_iter = trainer.train_iter()
            information = trainer.loss_information
            information["generator_losses"] += lgen
            information["discriminator_losses"] += ldis
            information["generator_iters"] += gen_iter
            information["discriminator_iters"] += dis_iter

    return play


def ours() -> Callable[[int], None]:
    """Rounds of ganbench's trainer on the same networks and losses."""
    from ganbench.data.dataset import Split
    from ganbench.model import GAN
    from ganbench.model.discriminator import DiscriminatorOutput
    from ganbench.train.trainer import Trainer, build

    class Judge(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.trunk = network

        def forward(
            self, images: Tensor, labels: Any = None, rng: Any = None
        ) -> DiscriminatorOutput:
            score = self.trunk(images).view(-1)
            return DiscriminatorOutput(score, score, score)

    class Theirs(GAN):
        def build(self) -> None:
            super().build()
            self.generator, discriminator = networks()
            self.discriminator = Judge(discriminator)  # type: ignore[assignment]

    given = {"noise": NOISE, "d_lr": 2e-4, "g_lr": 2e-4, "ema": 0.0}
    images = pictures()
    split = Split(images, torch.zeros(len(images), dtype=torch.int64))
    model = build(Theirs, (1, SIDE, SIDE), 10, Theirs.resolve(given), 0)
    trainer = Trainer(model, split, seed=0, batch_size=BATCH, rounds=100_000)
    return trainer.train


def pictures() -> Tensor:
    """Made-up images, uint8."""
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (10_000, 1, SIDE, SIDE), generator=rng, dtype=torch.uint8)


def measure(pairs: int) -> Iterator[list[str]]:
    """One row; a line in its place where torchgan cannot be used."""
    reason = unavailable()
    if reason:
        print(reason)
        return
    yield ["networks", "torchgan ms", "ganbench ms", "torchgan / ganbench, CPU", "wall"]
    module = ["benchmarks.peers.packages"]
    sides = {
        "theirs": Side([*module, "theirs"], DEFAULTS),
        "ours": Side([*module, "ours"], WORKERS),
    }
    found = interleave(sides, pairs)
    for side in sides.values():
        side.close()
    slow, fast = found["theirs"], found["ours"]
    ratios = [str(ratio(slow, fast, clock)) for clock in ("cpu", "wall")]
    yield [
        f"torchgan's DCGAN, {SIDE} px, batch {BATCH}",
        *(f"{middle(side):.2f}" for side in (slow, fast)),
        *ratios,
    ]


def main() -> None:
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()):
        play = {"theirs": theirs, "ours": ours}[sys.argv[1]]()
    serve(play)


if __name__ == "__main__":
    main()
