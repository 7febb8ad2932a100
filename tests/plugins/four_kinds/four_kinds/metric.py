"""`contrast_gap`: how much the contrast of generated images differs from that of real ones."""

import numpy as np

from ganbench.evaluate import Evidence, Measurement, MetricSpec


def contrast_gap(evidence: Evidence) -> Measurement:
    """Mean contrast of generated less that of held-out real images, in grey levels."""
    made, real = (_contrasts(images) for images in (evidence.generated, evidence.held_out.images))
    error = np.hypot(*(part.std(ddof=1) / len(part) ** 0.5 for part in (made, real)))
    return Measurement(
        value=float(made.mean() - real.mean()),
        count=len(made),
        protocol={"samples": len(made), "real_images": len(real), "contrast": "rms"},
        standard_error=float(error),
    )


def _contrasts(images):
    return images.flatten(1).double().numpy().std(axis=1)


CONTRAST_GAP = MetricSpec(
    name="contrast_gap",
    group="contrast",
    summary="contrast of generated less that of real images",
    target=contrast_gap,
    better="none",
    unit="grey levels",
    needs="images",
)
