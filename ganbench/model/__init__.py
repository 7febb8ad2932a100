"""What a variant is made of: `from ganbench.model import GAN, update, Latent, ...`."""

from ganbench.errors import Unsupported
from ganbench.model.autoencoder import Autoencoder
from ganbench.model.batch import Batch
from ganbench.model.discriminator import Discriminator, View, head
from ganbench.model.game import NUMERICS, Game
from ganbench.model.gan import GAN
from ganbench.model.latent import (
    Categorical,
    Latent,
    LatentValue,
    Noise,
    Normal,
    Posterior,
    Uniform,
)
from ganbench.model.recognition import CodedGAN, Recognition
from ganbench.model.semi import SemiSupervised
from ganbench.model.update import Loss, Update, update

__all__ = [
    "GAN",
    "NUMERICS",
    "Autoencoder",
    "Batch",
    "Categorical",
    "CodedGAN",
    "Discriminator",
    "Game",
    "Latent",
    "LatentValue",
    "Loss",
    "Noise",
    "Normal",
    "Posterior",
    "Recognition",
    "SemiSupervised",
    "Uniform",
    "Unsupported",
    "Update",
    "View",
    "head",
    "update",
]
