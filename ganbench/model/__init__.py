"""What a variant is made of: `from ganbench.model import GAN, update, Latent, ...`."""

from typing import TYPE_CHECKING

from ganbench.core.errors import Unsupported
from ganbench.core.latent import Categorical, Latent, LatentValue, Noise, Normal, Posterior, Uniform
from ganbench.model.autoencoder import Autoencoder
from ganbench.model.batch import Batch
from ganbench.model.discriminator import Discriminator, DiscriminatorOutput, head
from ganbench.model.gan import GAN
from ganbench.model.old_names import imports
from ganbench.model.recognition import CodedGAN, Recognition
from ganbench.model.semi_supervised import SemiSupervised
from ganbench.model.update import Loss, Update, update
from ganbench.model.variant import NUMERICS, Variant

__all__ = [
    "GAN",
    "NUMERICS",
    "Autoencoder",
    "Batch",
    "Categorical",
    "CodedGAN",
    "Discriminator",
    "DiscriminatorOutput",
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
    "Variant",
    "head",
    "update",
]

if not TYPE_CHECKING:
    __getattr__ = imports(__name__)
