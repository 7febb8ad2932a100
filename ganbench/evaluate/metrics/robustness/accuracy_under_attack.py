"""AUC of the discriminator's score, and accuracy of classifiers under attack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ganbench.core.seeding import stream
from ganbench.data.dataset import to_unit_range
from ganbench.evaluate import capabilities
from ganbench.evaluate.capabilities import CapabilityError, Unavailable
from ganbench.evaluate.evidence import Evidence, choose, gathered
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.arrays import as_array
from ganbench.evaluate.metrics.robustness.attacks import Classify, blur, fgsm, noisy, pgd
from ganbench.evaluate.metrics.uncertainty import of_mean
from ganbench.evaluate.networks import BATCH
from ganbench.evaluate.sample_counts import enough_generated, enough_held_out

SCORED = 2000
"""At most so many images of either side are scored."""
ATTACKED = 500
"""At most so many held-out images are attacked, a fixed random choice: it takes 20 passes."""
EPSILON = 16
"""How far FGSM and PGD may move a pixel, in grey levels of 255."""
PGD_STEPS = 10
NOISE = 0.3
"""Standard deviation of the noise on images in [-1, 1]."""
BLUR = 1 / 16
"""Standard deviation of the blur, as a part of the image's height."""


class Placements(NamedTuple):
    """What AUC is the mean of, from each side: (n,) of the positives, (m,) of the negatives."""

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]


def auc(positive: ArrayLike | Tensor, negative: ArrayLike | Tensor) -> float:
    """Area under the ROC curve: how often a positive (n,) scores above a negative (m,).

    A tie counts half. 0.5 where scores say nothing. Raises ValueError for an empty side or
    numbers that are not finite.
    """
    return float(placements(positive, negative).positive.mean())


def placements(positive: ArrayLike | Tensor, negative: ArrayLike | Tensor) -> Placements:
    """Of each positive (n,) the share of negatives (m,) below it, and the reverse; ties half.

    The AUC is the mean of either. They are independent between items, so that their spread
    gives its standard error (DeLong et al. 1988, Biometrics 44(3), eqs. 4-6). Raises ValueError
    as `auc` does.
    """
    sides = as_array(positive, "positive scores"), as_array(negative, "negative scores")
    if any(side.ndim != 1 or not len(side) for side in sides):
        raise ValueError("scores must be two vectors of at least one number each")
    scores = [side.astype(np.float64) for side in sides]
    below, above = _shares_below(*scores), 1 - _shares_below(*scores[::-1])
    return Placements(below, above)


def _shares_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(others)
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((left + right) / (2 * len(ordered)))


def measure_real_fake_auc(evidence: Evidence) -> Measurement:
    """AUC of the model's own score() for held-out real against generated images."""
    enough_held_out(evidence)
    enough_generated(evidence)
    held_out = choose(evidence.held_out, SCORED).images
    generated = evidence.generated[:SCORED]
    real = _in_batches(lambda images: _scores(evidence, images), held_out)
    fake = _in_batches(lambda images: _scores(evidence, images), generated)
    found = placements(real, fake)
    return Measurement(
        float(found.positive.mean()),
        len(real) + len(fake),
        {
            "scores_by": "score()",
            "generated": len(fake),
            "held_out": len(real),
            "storage": "uint8",
        },
        float(np.hypot(of_mean(found.positive), of_mean(found.negative))),
    )


def _scores(evidence: Evidence, images: Tensor) -> Tensor:
    real = to_unit_range(images).to(evidence.device)
    return capabilities.score(evidence.model, real).float().cpu()


def _in_batches(call: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    batches = zip(*(tensor.split(BATCH) for tensor in tensors), strict=True)
    return torch.cat([call(*batch) for batch in batches])


class Attacked(NamedTuple):
    """Confidence (largest softmax) and correctness, (n,) each, of a classifier on images."""

    confidence: NDArray[np.float64]
    right: NDArray[np.float64]


CLEAN = "clean"


def under_attack(evidence: Evidence, classify: Classify) -> dict[str, Attacked]:
    """What a classifier makes of the held-out real images, clean and under each attack.

    classify: images (n, c, h, w) in [-1, 1] on the CPU to logits (n, classes), differentiable.
    FGSM and PGD are white-box, through `classify` itself. Raises Unavailable for data without
    classes or pixels, and where there are no gradients.
    """
    if evidence.dataset.kind != "images":
        raise Unavailable("attacks are on images, not on points")
    if not evidence.dataset.classes:
        raise Unavailable(f"data set {evidence.dataset.name} has no classes")
    chosen = choose(evidence.held_out, ATTACKED)
    images, labels = to_unit_range(chosen.images), chosen.labels
    rng, start = (
        torch.Generator().manual_seed(stream(evidence.seed, purpose))
        for purpose in ("attack by noise", "attack by PGD")
    )
    epsilon = 2 * EPSILON / 255
    away = epsilon * (2 * torch.rand(images.shape, generator=start) - 1)
    starts = (images + away).clamp(-1, 1)

    def one_step(images: Tensor, labels: Tensor) -> Tensor:
        return fgsm(classify, images, labels, epsilon)

    def many_steps(images: Tensor, labels: Tensor, start: Tensor) -> Tensor:
        return pgd(
            classify, images, labels, epsilon, steps=PGD_STEPS, rate=epsilon / 4, start=start
        )

    attacked = {
        CLEAN: images,
        "fgsm": _in_batches(one_step, images, labels),
        "pgd": _in_batches(many_steps, images, labels, starts),
        "noise": noisy(images, NOISE, rng),
        "blur": blur(images, BLUR * images.shape[2]),
    }
    return {name: _judged(_in_batches(classify, x), labels) for name, x in attacked.items()}


def _judged(logits: Tensor, labels: Tensor) -> Attacked:
    confidence, predicted = logits.double().softmax(1).max(1)
    return Attacked(confidence.numpy(), (predicted == labels).double().numpy())


@gathered
def _attacked(evidence: Evidence) -> dict[str, Attacked]:
    classes = evidence.dataset.classes

    def classify(images: Tensor) -> Tensor:
        try:
            logits = capabilities.classify(evidence.model, images.to(evidence.device), classes)
        except CapabilityError as error:
            if not torch.is_grad_enabled():
                raise
            # it may answer without gradients, which is all that the contract asks for
            raise Unavailable(f"classify() gives no gradients: {error}") from error
        return logits.float().cpu()

    return under_attack(evidence, classify)


def _protocol(evidence: Evidence, images: int) -> dict[str, Any]:
    return {
        "classes_by": "classify()",
        "held_out": images,
        "attacks": ["FGSM", "PGD", "noise", "blur"],
        "epsilon": f"{EPSILON}/255",
        "pgd_steps": PGD_STEPS,
        "attack_noise": NOISE,
        "attack_blur": BLUR * evidence.dataset.shape[1],
    }


def measure_robust_accuracy(evidence: Evidence) -> Measurement:
    """Accuracy of `classify()` under attack, the mean over attacks; parts: each, and clean."""
    rights = {name: answers.right for name, answers in _attacked(evidence).items()}
    each = np.mean([right for name, right in rights.items() if name != CLEAN], axis=0)
    return Measurement(
        float(each.mean()),
        len(each),
        _protocol(evidence, len(each)),
        of_mean(each),
        {name: float(right.mean()) for name, right in rights.items()},
    )


def measure_attack_detection_auc(evidence: Evidence) -> Measurement:
    """AUC of confidence for clean against attacked images, mean over attacks; parts: each one.

    An image stands on both sides of a curve, clean and attacked, so its two placements are
    added before their spread is taken (Obuchowski 1997, Biometrics 53(2)).
    """
    found = _attacked(evidence)
    clean = found[CLEAN].confidence
    placed = {
        name: placements(clean, answers.confidence)
        for name, answers in found.items()
        if name != CLEAN
    }
    parts = {name: float(each.positive.mean()) for name, each in placed.items()}
    both = np.mean([each.positive + each.negative for each in placed.values()], axis=0)
    return Measurement(
        float(np.mean(list(parts.values()))),
        len(clean),
        _protocol(evidence, len(clean)),
        of_mean(both),
        parts,
    )
