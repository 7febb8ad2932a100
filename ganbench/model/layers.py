"""Layers and normalisations that the field's discriminators and generators are made of."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations


class NoiseLayer(nn.Module):
    """A layer that is random while training; it draws from the generator that `Stack` hands on."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Same shape; in eval mode, or without a generator, the input itself."""
        if rng is None or not self.training:
            return x
        return self.add_noise(x, rng)

    def add_noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """What it makes of x while training."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """For print()."""
        return f"{self.strength}"


class GaussianNoise(NoiseLayer):
    """Adds N(0, strength^2)."""

    def add_noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """x with noise of its own on every number."""
        # drawn channels first, so that no layout in memory changes which number goes where
        noise = torch.empty_like(x, memory_format=torch.contiguous_format)
        return x + self.strength * noise.normal_(generator=rng)


class ChannelDropout(NoiseLayer):
    """Zeroes a share `strength` of an image's channels and scales the others up to match."""

    def add_noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """x (n, c, h, w) with whole channels at 0."""
        kept = 1 - self.strength
        mask = x.new_empty(*x.shape[:2], 1, 1).bernoulli_(kept, generator=rng)
        return x * (mask / kept)


class UpsampledConv2d(nn.Conv2d):
    """A 3x3 convolution, padding 1, of its input repeated to twice the side.

    The repeated pixels share products: the same numbers, but for rounding, come from one 4x4
    transposed convolution of stride 2, with 4 instead of 9 multiplications per weight and
    output pixel. `literal` computes it as written.
    """

    literal = False

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, 2h, 2w)."""
        if self.literal:
            return super().forward(F.interpolate(x, scale_factor=2.0))
        kernel = repeated_kernel(self.weight)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


def repeated_kernel(weight: Tensor) -> Tensor:
    """The transposed kernel (inputs, outputs, 4, 4) of a 3x3 weight (outputs, inputs, 3, 3).

    In one dimension an even output pixel sees its own input pixel through taps 1 and 2 and the
    one before through tap 0; an odd one its own through 0 and 1, and the next through 2.
    """
    summed = F.pad(weight, (0, 1)) + F.pad(weight, (1, 0))
    summed = F.pad(summed, (0, 0, 0, 1)) + F.pad(summed, (0, 0, 1, 0))
    layout = torch.contiguous_format
    if weight.is_contiguous(memory_format=torch.channels_last):
        layout = torch.channels_last
    return summed.flip(2, 3).transpose(0, 1).contiguous(memory_format=layout)


ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
"""oneDNN's product of float32 matrices; torch's own matrix products are MKL's on x86."""


class Dense(nn.Linear):
    """nn.Linear; while training on a CPU, a large product is computed by oneDNN.

    The same numbers but for rounding, in half of MKL's time on AMD processors. `literal`
    leaves the choice to torch. From `LARGE` multiplications on it pays for the Python around it.
    """

    literal = False
    LARGE = 2**23

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) to (n, outputs)."""
        large = x.numel() * self.out_features >= self.LARGE
        if large and self.training and not self.literal and onednn_supports(x):
            return OneDNNProduct.apply(x, self.weight, self.bias)
        return super().forward(x)


def onednn_supports(x: Tensor) -> bool:
    """Whether `OneDNNProduct` can be used for x."""
    return (
        ONEDNN is not None
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.dim() == 2
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )


class OneDNNProduct(torch.autograd.Function):
    """a b^T + bias of a (n, k), b (m, k) and bias (m,) or None, any number of times derivable."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
        """(n, m)."""
        assert ONEDNN is not None
        ctx.save_for_backward(a, b)
        return ONEDNN(a, b, bias, "none", [], "")

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Products of the same kind."""
        a, b = ctx.saved_tensors
        of_a, of_b, of_bias = ctx.needs_input_grad
        return (
            OneDNNProduct.apply(slope, b.t(), None) if of_a else None,
            OneDNNProduct.apply(slope.t(), a.t(), None) if of_b else None,
            slope.sum(0) if of_bias else None,
        )


class Stack(nn.Sequential):
    """nn.Sequential that hands a random generator to its noise layers."""

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Layer by layer."""
        for layer in self:
            x = layer(x, rng) if isinstance(layer, NoiseLayer) else layer(x)
        return x


class MinibatchDiscrimination(nn.Module):
    """How close an image's features are to its batch-mates' (arXiv:1606.03498, sec. 3.2).

    M_i = f(x_i) T with T of shape (features, kernels * dims); o(x_i)_b = sum over the batch
    of exp(-||M_ib - M_jb||_1), the image itself included.
    """

    def __init__(self, features: int, kernels: int, dims: int) -> None:
        super().__init__()
        self.kernels, self.dims = kernels, dims
        self.projection = nn.Parameter(torch.randn(features, kernels * dims) / math.sqrt(features))

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, f) to closeness (n, kernels), between 1 and n."""
        m = (features @ self.projection).unflatten(1, (self.kernels, self.dims)).transpose(0, 1)
        return torch.exp(-torch.cdist(m, m, p=1)).sum(2).T


class VirtualBatchNorm(nn.Module):
    """Batch norm by the statistics of a fixed reference batch (arXiv:1606.03498, sec. 3.5).

    The first `references` rows of the input are the reference batch, normalised by its own
    statistics; each further row x is normalised by those of the reference batch and x
    together (`example=True`, the paper's: weights r / (r + 1) and 1 / (r + 1)), or by those
    of the reference batch alone.
    """

    def __init__(self, channels: int, references: int, example: bool, eps: float = 1e-5) -> None:
        super().__init__()
        self.references, self.example, self.eps = references, example, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(references + n, channels, ...) to the same shape."""
        r = self.references
        places = tuple(range(2, x.dim()))
        own_mean = x.mean(places, keepdim=True) if places else x
        own_square = x.square().mean(places, keepdim=True) if places else x.square()
        mean = own_mean[:r].mean(0, keepdim=True)
        square = own_square[:r].mean(0, keepdim=True)
        first = self._normalise(x[:r], mean, square)
        if self.example:
            mean = (r * mean + own_mean[r:]) / (r + 1)
            square = (r * square + own_square[r:]) / (r + 1)
        return torch.cat([first, self._normalise(x[r:], mean, square)])

    def _normalise(self, x: Tensor, mean: Tensor, square: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        variance = (square - mean.square()).clamp_min(0)
        y = (x - mean) * torch.rsqrt(variance + self.eps)
        return y * self.weight.view(shape) + self.bias.view(shape)


class WithReferenceBatch(nn.Module):
    """A network whose batch norms are virtual, with the reference batch it carries along.

    The reference batch passes through the network with every input, as the paper has it:
    its statistics follow the weights.
    """

    reference: Tensor

    def __init__(
        self, network: Stack, shape: tuple[int, ...], references: int, example: bool
    ) -> None:
        super().__init__()
        for parent in list(network.modules()):
            for name, module in parent.named_children():
                if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                    virtual = VirtualBatchNorm(module.num_features, references, example)
                    setattr(parent, name, virtual)
        self.network = network
        self.register_buffer("reference", torch.zeros(references, *shape))

    def choose(self, inputs: Tensor) -> None:
        """Keep these inputs as the reference batch; repeated where they are too few."""
        rows = torch.arange(len(self.reference), device=inputs.device) % len(inputs)
        self.reference.copy_(inputs[rows].detach())

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """The network's outputs for x alone."""
        whole = torch.cat([self.reference.to(x.dtype), x])
        return self.network(whole, rng)[len(self.reference) :]


ALONE = (
    *(nn.Sequential, nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Upsample, nn.PixelShuffle),
    *(nn.Flatten, nn.Unflatten, nn.Identity, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d),
    *(nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Dropout, nn.Dropout2d),
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh),
    nn.ModuleDict,  # of parametrizations
)
"""Layers of torch that treat each row of a batch alone."""
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def known(network: nn.Module) -> bool:
    """Whether what every layer does is known: torch's of the lists above, or this package's."""
    ours = "ganbench.model.", "torch.nn.utils.param"
    return all(
        type(module) in (*ALONE, *BATCH_NORMS) or type(module).__module__.startswith(ours)
        for module in network.modules()
    )


def one_by_one(network: nn.Module) -> bool:
    """Whether every layer of a network is known to treat each row of a batch alone."""
    mixing = (*BATCH_NORMS, MinibatchDiscrimination)
    return known(network) and not any(isinstance(one, mixing) for one in network.modules())


def weighted(network: nn.Module) -> list[nn.Module]:
    """The linear and convolutional layers of a network."""
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    return [module for module in network.modules() if isinstance(module, kinds)]


def add_spectral_norm(network: nn.Module) -> None:
    """Divide every weight by its largest singular value (Miyato et al. 2018)."""
    for layer in weighted(network):
        parametrizations.spectral_norm(layer)


def add_weight_norm(network: nn.Module) -> None:
    """Split every weight into direction and length (Salimans & Kingma 2016).

    Directions start from N(0, 0.1), as in the Improved-GAN authors' code: Adam's step is
    absolute, and what it does to a direction depends on how long the vector is.
    """
    for layer in weighted(network):
        assert isinstance(layer.weight, Tensor)
        nn.init.normal_(layer.weight, 0.0, 0.1)
        parametrizations.weight_norm(layer)


def freeze_lengths(network: nn.Module) -> None:
    """Train the directions of weight norm alone."""
    for name, parameter in network.named_parameters():
        if name.endswith("parametrizations.weight.original0"):
            parameter.requires_grad_(False)


@torch.no_grad()
def initialise_from_data(stack: Stack, x: Tensor) -> Tensor:
    """Data-dependent initialisation of weight norm (Salimans & Kingma 2016, sec. 3).

    Scales and biases are set so that each layer's outputs have mean 0 and variance 1 per
    unit on these inputs. Returns the stack's outputs.
    """
    for layer in stack:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            outputs = layer(x)
            places = [0, *range(2, outputs.dim())]
            mean, deviation = outputs.mean(places), outputs.std(places).clamp_min(1e-6)
            length: Tensor = layer.parametrizations.weight.original0  # type: ignore
            length.div_(deviation.view(-1, *[1] * (length.dim() - 1)))
            if layer.bias is not None:
                layer.bias.sub_(mean).div_(deviation)
        x = layer(x)
    return x
