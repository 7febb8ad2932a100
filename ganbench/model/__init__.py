"""What a variant is made of: `from ganbench.model import GAN, update, Latent, ...`."""

from ganbench.model.backbones import Discriminator, View, head
from ganbench.model.batch import Batch
from ganbench.model.game import NUMERICS, Game
from ganbench.model.gan import GAN
from ganbench.model.latent import Categorical, Latent, LatentValue, Noise, Posterior, Uniform
from ganbench.model.recognition import Recognition
from ganbench.model.update import Loss, Update, update

__all__ = [
    "GAN",
    "NUMERICS",
    "Batch",
    "Categorical",
    "Discriminator",
    "Game",
    "Latent",
    "LatentValue",
    "Loss",
    "Noise",
    "Posterior",
    "Recognition",
    "Uniform",
    "Update",
    "View",
    "head",
    "update",
]
