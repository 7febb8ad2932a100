"""What every backbone is: a generator, a discriminator's trunk, and what it supports."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from torch import nn

from ganbench.model.layers import GaussianNoise, Stack

Shape = tuple[int, ...]
Kind = Literal["images", "points"]
SMALLEST_SIDE = 4
"""Convolutional stacks halve the image while its side stays at least this long."""


def kind_of(shape: Shape) -> Kind:
    """Whether a shape is an image's, (c, h, w), or a point's, (d,)."""
    return "images" if len(shape) == 3 else "points"


class Options(Protocol):
    """How networks are made, under the names of `GAN`'s hyperparameters.

    A backbone reads what it has: whoever asks which hyperparameters were read
    (`train.batches_per_round`) learns from that which are of no use to a variant.
    """

    @property
    def width(self) -> int:
        """Units or channels, as the backbone says; 0 is its own default."""
        ...

    @property
    def dense(self) -> int:
        """Units of one more dense layer; 0 for none."""
        ...

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the trunk's hidden layers; () for the backbone's choice."""
        ...

    @property
    def leak(self) -> float:
        """Slope of the trunk's leaky ReLU."""
        ...

    @property
    def d_norm(self) -> str:
        """The trunk's normalisation: batch, layer or none."""
        ...

    @property
    def layer_noise(self) -> float:
        """Standard deviation of Gaussian noise behind the trunk's hidden layers."""
        ...

    @property
    def g_norm(self) -> str:
        """The generator's normalisation: batch or none."""
        ...

    @property
    def g_activation(self) -> str:
        """The generator's activation: relu or softplus."""
        ...

    @property
    def spectral_norm(self) -> bool:
        """Whether the discriminator's weights will be divided by their largest singular values."""
        ...


@dataclass(frozen=True)
class Plain:
    """Options at their defaults, for networks that are no GAN's."""

    width: int = 0
    dense: int = 0
    hidden: tuple[int, ...] = ()
    leak: float = 0.1
    d_norm: str = "batch"
    layer_noise: float = 0.0
    g_norm: str = "batch"
    g_activation: str = "relu"
    spectral_norm: bool = False


def noise_layers(options: Options) -> list[nn.Module]:
    """The noise layer behind a hidden layer of the trunk, where there is noise."""
    return [GaussianNoise(options.layer_noise)] if options.layer_noise else []


class Backbone(ABC):
    """A pair of network designs, chosen by name: `backbone=dcgan`.

    kinds: of data. supports: the options beyond width that it has, of `dense`, `hidden` and
    `weight_norm` (initialisation from data goes through its trunk layer by layer). smallest: side
    of an image. auto_side: `auto` takes the first backbone whose auto_side is not exceeded.
    """

    name: ClassVar[str]
    width: ClassVar[int] = 64
    kinds: ClassVar[frozenset[Kind]] = frozenset({"images"})
    supports: ClassVar[frozenset[str]] = frozenset()
    smallest: ClassVar[int] = 1
    auto_side: ClassVar[float] = 0

    @abstractmethod
    def generator(self, latent: int, shape: Shape, options: Options) -> Stack:
        """From latent vectors (n, latent) to images or points (n, *shape).

        Images are bounded by a tanh, the last layer; points are not.
        """

    @abstractmethod
    def trunk(self, shape: Shape, options: Options) -> tuple[Stack, int]:
        """From images or points (n, *shape) to features (n, f), and f."""

    def normalises(self, shape: Shape, options: Options) -> bool:
        """Whether a trunk made so has normalisation layers, where d_norm asks for them."""
        return False

    def initialise(self, network: nn.Module) -> None:
        """Set the initial weights of a generator or a discriminator; by default torch's stay."""
        del network

    def refuse(self, shape: Shape) -> None:
        """Raise ValueError where it cannot make images or points of this shape."""
        kind = kind_of(shape)
        if kind not in self.kinds:
            raise ValueError(f"backbone={self.name}: convolutions need images, not points {shape}")
        if kind == "points":
            return
        _, height, width = shape
        if height != width:
            raise ValueError(f"the backbones need square images, not {height}x{width}")
        if height < self.smallest:
            raise ValueError(
                f"backbone={self.name} makes images of {self.smallest} pixels a side and more, "
                f"not {height}"
            )


def halvings(side: int) -> list[int]:
    """Sides of the feature maps from the image down: 28 -> [28, 14, 7]; 64 -> [64, ..., 4]."""
    sides = [side]
    while sides[-1] // 2 >= SMALLEST_SIDE:
        sides.append(sides[-1] // 2)
    return sides


def normal_initialisation(network: nn.Module) -> None:
    """DCGAN's initialisation: N(0, 0.02) weights, N(1, 0.02) batch-norm gains, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
