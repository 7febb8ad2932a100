"""FD-DINOv2: the Frechet distance in DINOv2's features.

Stein et al. 2023, arXiv:2306.04675. It is defined in one extractor, whatever the settings name,
and measured only on request.
"""

from __future__ import annotations

from ganbench.evaluate import extractors
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.fidelity.measurements import frechet_to_training
from ganbench.evaluate.sample_counts import enough_for_frechet

EXTRACTOR = "dinov2"


def measure_fd_dinov2(evidence: Evidence) -> Measurement:
    """Frechet distance of generated to training images in DINOv2's features.

    Raises TooFew for too few of either, before any is read.
    """

    def width() -> int:
        extractor = extractors.get(EXTRACTOR, evidence.device)
        return evidence.seen_by(extractor, "train").features.shape[1]

    enough_for_frechet(evidence, width)
    extractor = extractors.get(EXTRACTOR, evidence.device)
    return frechet_to_training(evidence, extractor)
