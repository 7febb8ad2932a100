"""SGAN (Odena 2016, arXiv:1606.01583)."""

from torch import Tensor

from ganbench.model import SemiSupervised


class SGAN(SemiSupervised):
    """GAN whose discriminator has K + 1 outputs: the classes, and "generated".

    One change to GAN: D = C lowers the negative log-likelihood of the right output
    (algorithm 1): of its class for a labelled image, of any class for an unlabelled one, of
    output K + 1 for a generated one. P(real) = sum of the K class probabilities, so that the
    score log P(real) / P(generated) goes into the suite's adversarial losses.
    """

    def outputs(self) -> int:
        """The classes and one more."""
        return self.classes + 1

    @staticmethod
    def score_from_outputs(outputs: Tensor) -> Tensor:
        """log P(real) / P(generated) of outputs (n, K + 1)."""
        return outputs[:, :-1].logsumexp(1) - outputs[:, -1]
