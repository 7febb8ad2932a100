"""CatGAN (Springenberg, ICLR 2016, arXiv:1511.06390)."""

import math

from torch import Tensor

from ganbench.model import Batch, DiscriminatorOutput, SemiSupervised, Unsupported


def entropy(outputs: Tensor) -> Tensor:
    """H[p(y|x)] in nats of logits (n, K), (n,)."""
    return -(outputs.softmax(1) * outputs.log_softmax(1)).sum(1)


def marginal_entropy(outputs: Tensor) -> Tensor:
    """H of the mean of p(y|x) over a batch of logits (n, K), in nats, a scalar."""
    log_mean = outputs.log_softmax(1).logsumexp(0) - math.log(len(outputs))
    return -(log_mean.exp() * log_mean).sum()


class CatGAN(SemiSupervised):
    """GAN whose discriminator sorts real images into K classes and is unsure of generated ones.

    One change to GAN: entropies for losses (eq. 7). D raises H[p(y)] - E H[p(y|x)] on real
    images and E H[p(y|G(z))]; G raises H[p(y)] of its images and lowers E H[p(y|G(z))].
    label_weight adds the labelled images' cross-entropy (eq. 9); 0 is the unsupervised form,
    whose classes `cluster` gives.
    """

    unsupported = {
        **SemiSupervised.unsupported,
        "adversarial": "entropies are its losses",
        "label_smoothing": "its losses have no targets to smooth",
    }

    @staticmethod
    def score_from_outputs(outputs: Tensor) -> Tensor:
        """-H[p(y|x)] (n,): the surer, the more real."""
        return -entropy(outputs)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Tensor:
        """-(H_X[p(y)] - E H[p(y|x)] + E H[p(y|G(z))])."""
        sure = entropy(real.outputs).mean() - marginal_entropy(real.outputs)
        return sure - entropy(fake.outputs).mean()

    def g_loss(self, fake: DiscriminatorOutput, batch: Batch) -> Tensor:
        """-H_G[p(y)] + E H[p(y|G(z))]."""
        if self.feature_matching:
            return super().g_loss(fake, batch)
        return entropy(fake.outputs).mean() - marginal_entropy(fake.outputs)

    def cluster(self, images: Tensor) -> Tensor:
        """The class (n,) of each image, found without labels."""
        if self.label_weight:
            raise Unsupported("its classes were learnt from labels")
        return self.discriminator(images).outputs.argmax(1)
