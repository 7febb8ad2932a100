"""InfoGAN's recognition network Q(c|x), and the bound L_I that it gives."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from ganbench.core.latent import Latent, LatentValue, Posterior
from ganbench.model.batch import Batch
from ganbench.model.discriminator import DiscriminatorOutput, head
from ganbench.model.gan import GAN
from ganbench.model.hyperparameters import Count, Size, Weight


class Recognition(nn.Module):
    """Q(c|x): a head on a trunk's features that reads a latent's codes (arXiv:1606.03657, sec. 6).

    features: their number per image. width: units of its hidden layer. fixed_sigma: the
    Gaussian posteriors of continuous codes have standard deviation 1.
    """

    entropy: Tensor

    def __init__(
        self, latent: Latent, features: int, width: int, fixed_sigma: bool = False
    ) -> None:
        super().__init__()
        self.latent = latent
        self.fixed_sigma = fixed_sigma
        self.head = head(features, latent.outputs_size(fixed_sigma), width)
        self.register_buffer("entropy", latent.entropy(), persistent=False)

    def forward(self, features: Tensor) -> Posterior:
        """Features (n, f) to the posterior over the codes of n images."""
        return self.latent.posterior(self.head(features), self.fixed_sigma)

    def bound(self, posterior: Posterior, codes: Tensor) -> Tensor:
        """L_I = E[log Q(c|x)] + H(c) of each code, (codes,), in nats (eq. 5).

        codes: those (n, codes) that the images were generated from.
        """
        return posterior.log_prob(codes).mean(0) + self.entropy


class CodedGAN(GAN):
    """GAN whose latent carries codes and whose discriminator's trunk carries a Q head.

    Who is trained on `information_loss` is the variant's to say. categorical: classes of
    each categorical code; continuous: number of continuous codes, uniform on code_range.
    sigma: standard deviation of Q's Gaussians, `learned` or `fixed` at 1, which makes
    -log Q half the squared error. info_weight: lambda of the categorical codes;
    continuous_weight: of the continuous ones. q_width: units of Q's hidden layer.
    """

    categorical: tuple[Count, ...] = (10,)
    continuous: Size = 2
    code_range: tuple[float, float] = (-1.0, 1.0)
    sigma: Literal["learned", "fixed"] = "learned"
    info_weight: Weight = 1.0
    continuous_weight: Weight = 0.1
    q_width: Count = 128

    recipes = {"digits": {"q_width": 64}, "sprites": {"categorical": (3,), "continuous": 5}}

    def make_latent(self) -> Latent:
        """Noise and codes; MNIST's in appendix C.1 are 62 noise, Cat(10), 2 uniform."""
        codes = self.categorical, self.continuous, *self.code_range
        return Latent.coded(self.noise, *codes, noise_kind=self.noise_kind)

    def build(self) -> None:
        """Add Q's head to the GAN's networks."""
        super().build()
        if not self.latent.codes:
            raise ValueError("there is no code to recognise: set categorical or continuous")
        features, fixed = self.discriminator.features, self.sigma == "fixed"
        self.q_head = Recognition(self.latent, features, self.q_width, fixed)

    def information_loss(
        self, view: DiscriminatorOutput, batch: Batch
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """-lambda L_I of the batch's fakes, and L_I per code in nats."""
        codes = batch.latent.codes[: len(view.features)]
        bound = self.q_head.bound(self.q_head(view.features), codes)
        k = len(self.latent.categorical)
        reward = self.info_weight * bound[:k].sum() + self.continuous_weight * bound[k:].sum()
        names = (f"information/{code.name}" for code in self.latent.codes)
        return -reward, dict(zip(names, bound.unbind(), strict=True))

    def encode(self, images: Tensor) -> Tensor:
        """The most likely category or the posterior mean of each code, (n, codes)."""
        return self.q_head(self.discriminator(images).features).point()

    def posterior_log_prob(self, images: Tensor, latent: LatentValue) -> Tensor:
        """log Q(c|x) of each code in nats, (n, codes)."""
        return self.q_head(self.discriminator(images).features).log_prob(latent.codes)
