"""Latents: noise, categorical codes, uniform and normal continuous codes.

A `Latent` is a layout. It draws values, puts given codes into a vector, and reads the
outputs of a recognition network Q as a factored posterior over the codes, which is what
InfoGAN's variational bound L_I = E[log Q(c|x)] + H(c) is made of (Chen et al. 2016,
arXiv:1606.03657, eq. 5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_SIGMA_RANGE = (-4.0, 2.0)
"""Log standard deviations of a Gaussian posterior are clamped to this range."""

NORMAL_RANGE = (-2.0, 2.0)
"""What stands for the range of a normal code, which has none: 95 % of its draws."""

NoiseKind = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Noise:
    """Incompressible noise: `size` independent numbers.

    kind: standard `normal`, or `uniform` on [-1, 1] (DCGAN, arXiv:1511.06434, sec. 3).
    """

    size: int
    kind: NoiseKind = "normal"


@dataclass(frozen=True)
class Categorical:
    """One categorical code with `classes` equally likely values, given as a one-hot block.

    `label=True` says that the code is the class label of the data (ACGAN, CGAN), not a
    code to be discovered (InfoGAN).
    """

    classes: int
    label: bool = False


@dataclass(frozen=True)
class Uniform:
    """`size` independent continuous codes, uniform between `low` and `high`."""

    size: int = 1
    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True)
class Normal:
    """`size` independent continuous codes, standard normal: a VAE's latent."""

    size: int = 1


@dataclass(frozen=True)
class Code:
    """One code of a latent. `classes` is 0 for a continuous code.

    low, high: the range of a uniform code; of a `normal` one, where most of its draws lie.
    """

    name: str
    classes: int = 0
    label: bool = False
    low: float = 0.0
    high: float = 0.0
    normal: bool = False

    @property
    def entropy(self) -> float:
        """H(c) in nats: ln(classes); differential for a continuous code.

        That is ln(high - low) for a uniform code, ln(2 pi e) / 2 for a normal one.
        """
        if self.classes:
            return math.log(self.classes)
        return (
            0.5 * math.log(2 * math.pi * math.e) if self.normal else math.log(self.high - self.low)
        )


@dataclass(frozen=True)
class LatentValue:
    """A batch of drawn latents.

    `vector` (n, size) is what a generator reads; `codes` (n, codes) holds the index of each
    categorical code (as a float) and the value of each continuous one.
    """

    vector: Tensor
    codes: Tensor

    def __len__(self) -> int:
        return len(self.vector)

    def __getitem__(self, rows: slice | Tensor) -> LatentValue:
        return LatentValue(self.vector[rows], self.codes[rows])

    def to(self, device: torch.device | str) -> LatentValue:
        """The same value on another device."""
        return LatentValue(self.vector.to(device), self.codes.to(device))


class Latent:
    """The layout of a generator's input: `Latent(Noise(62), Categorical(10), Uniform(2))`.

    The vector holds the noise first, then the one-hot blocks, then the continuous codes.
    The columns of `codes` are the categorical codes in written order, then the continuous
    ones; `Latent.codes` describes them in that order.
    """

    def __init__(self, *parts: Noise | Categorical | Uniform | Normal) -> None:
        for part in parts:
            if isinstance(part, Categorical) and part.classes < 2:
                raise ValueError(f"{part} needs at least 2 classes")
            if not isinstance(part, Categorical) and part.size < 0:
                raise ValueError(f"{part} needs a size of at least 0")
            if isinstance(part, Uniform) and not part.low < part.high:
                raise ValueError(f"{part} must have low < high")
        kinds = {p.kind for p in parts if isinstance(p, Noise)}
        if len(kinds) > 1 or kinds - set(get_args(NoiseKind)):
            raise ValueError(f"noise must be of one kind, normal or uniform, not {sorted(kinds)}")
        self.parts = parts
        self.noise_size = sum(p.size for p in parts if isinstance(p, Noise))
        self.noise_kind: NoiseKind = next(iter(kinds), "normal")
        categorical = [p for p in parts if isinstance(p, Categorical)]
        continuous = [p for p in parts if isinstance(p, Uniform | Normal) for _ in range(p.size)]
        self.categorical = tuple(
            Code(f"categorical_{i}", classes=p.classes, label=p.label)
            for i, p in enumerate(categorical)
        )
        self.continuous = tuple(
            Code(f"continuous_{i}", 0, False, *NORMAL_RANGE, normal=True)
            if isinstance(p, Normal)
            else Code(f"continuous_{i}", low=p.low, high=p.high)
            for i, p in enumerate(continuous)
        )
        self.codes = self.categorical + self.continuous
        self.classes = tuple(code.classes for code in self.categorical)
        self.size = self.noise_size + sum(self.classes) + len(self.continuous)
        self.posterior_size = self.outputs_size()
        if self.size == 0:
            raise ValueError("a latent needs noise or codes")
        if sum(code.label for code in self.codes) > 1:
            raise ValueError("at most one categorical code can be the class label")

    @classmethod
    def coded(
        cls,
        noise: int,
        categorical: Sequence[int],
        continuous: int,
        low: float = -1.0,
        high: float = 1.0,
        noise_kind: NoiseKind = "normal",
    ) -> Latent:
        """Noise, categorical codes of these sizes, and uniform codes between low and high."""
        codes = map(Categorical, categorical)
        return cls(Noise(noise, noise_kind), *codes, Uniform(continuous, low, high))

    def __repr__(self) -> str:
        return f"Latent({', '.join(map(repr, self.parts))})"

    @property
    def label_code(self) -> int | None:
        """The column of `codes` that holds the class label, if there is one."""
        return next((i for i, code in enumerate(self.codes) if code.label), None)

    def outputs_size(self, fixed_sigma: bool = False) -> int:
        """How many outputs of a recognition network `posterior` reads per image."""
        return sum(self.classes) + (1 if fixed_sigma else 2) * len(self.continuous)

    def draw(self, n: int, rng: torch.Generator) -> LatentValue:
        """Draw `n` latents from the prior, on the generator's device."""
        noise = self.draw_noise(n, rng)
        return self.assemble(noise, self.draw_codes(n, rng))

    def draw_noise(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw noise (n, noise_size) of the latent's kind, on the generator's device."""
        if self.noise_kind == "normal":
            return torch.randn(n, self.noise_size, generator=rng, device=rng.device)
        return torch.rand(n, self.noise_size, generator=rng, device=rng.device).mul_(2).sub_(1)

    def draw_codes(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw codes (n, codes) from the prior."""
        columns = [
            torch.randint(k, (n, 1), generator=rng, device=rng.device).float() for k in self.classes
        ]
        columns += self._draw_continuous(n, rng)
        return torch.cat(columns, 1) if columns else torch.empty(n, 0, device=rng.device)

    def _draw_continuous(self, n: int, rng: torch.Generator) -> list[Tensor]:
        """The continuous codes part by part; those of one kind are drawn at once."""
        parts = [p for p in self.parts if isinstance(p, Uniform | Normal) and p.size]
        uniform = [p.size for p in parts if isinstance(p, Uniform)]
        normal = [p.size for p in parts if isinstance(p, Normal)]
        unit = torch.rand(n, sum(uniform), generator=rng, device=rng.device).split(uniform, 1)
        standard = torch.randn(n, sum(normal), generator=rng, device=rng.device).split(normal, 1)
        units, standards = iter(unit), iter(standard)
        return [
            p.low + (p.high - p.low) * next(units) if isinstance(p, Uniform) else next(standards)
            for p in parts
        ]

    def assemble(self, noise: Tensor, codes: Tensor) -> LatentValue:
        """Lay out given noise (n, noise_size) and codes (n, codes) as a value."""
        k = len(self.categorical)
        blocks = [noise]
        for column, classes in zip(codes[:, :k].unbind(1), self.classes, strict=True):
            index = column.long().unsqueeze(1)
            blocks.append(noise.new_zeros(len(noise), classes).scatter_(1, index, 1.0))
        blocks.append(codes[:, k:])
        return LatentValue(torch.cat(blocks, 1), codes)

    def noise_of(self, value: LatentValue) -> Tensor:
        """The noise (n, noise_size) of a drawn value."""
        return value.vector[:, : self.noise_size]

    def entropy(self) -> Tensor:
        """H(c) of each code in nats, shape (codes,): the bound of its L_I."""
        return torch.tensor([code.entropy for code in self.codes])

    def posterior(self, outputs: Tensor, fixed_sigma: bool = False) -> Posterior:
        """Read the outputs (n, outputs_size) of a recognition network as Q(c|x).

        Layout: the logits of each categorical code, then the means, then the log standard
        deviations of the continuous codes. With `fixed_sigma` there are none of the last and
        every sigma is 1: -log Q is half the squared error plus a constant (`fix_std` in the
        InfoGAN authors' code).
        """
        sizes = [*self.classes, len(self.continuous)]
        if fixed_sigma:
            *logits, mean = outputs.split(sizes, dim=1)
            return Posterior(tuple(logits), mean, torch.zeros_like(mean))
        *logits, mean, log_sigma = outputs.split([*sizes, len(self.continuous)], dim=1)
        return Posterior(tuple(logits), mean, log_sigma.clamp(*LOG_SIGMA_RANGE))


@dataclass(frozen=True)
class Posterior:
    """A factored posterior over codes: softmax per categorical code, Gaussian per continuous.

    `logits`: one (n, classes) tensor per categorical code; `mean` and `log_sigma`: (n,
    continuous codes).
    """

    logits: tuple[Tensor, ...]
    mean: Tensor
    log_sigma: Tensor

    def log_prob(self, codes: Tensor) -> Tensor:
        """log Q(c|x) of each given code, (n, codes), in nats."""
        k = len(self.logits)
        columns = [
            -F.cross_entropy(logits, column.long(), reduction="none").unsqueeze(1)
            for logits, column in zip(self.logits, codes[:, :k].unbind(1), strict=True)
        ]
        z = (codes[:, k:] - self.mean) * torch.exp(-self.log_sigma)
        columns.append(-0.5 * z.square() - self.log_sigma - 0.5 * math.log(2 * math.pi))
        return torch.cat(columns, 1)

    def point(self) -> Tensor:
        """The most likely category (as a float) or the mean of each code, (n, codes)."""
        best = [logits.argmax(1, keepdim=True).float() for logits in self.logits]
        return torch.cat([*best, self.mean], 1)
