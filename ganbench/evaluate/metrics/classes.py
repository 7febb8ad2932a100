"""How well a class-conditional model knows and shows the classes."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from ganbench.evaluate import probe
from ganbench.evaluate.evidence import Evidence, stream
from ganbench.evaluate.metrics.clusters import need_labels
from ganbench.evaluate.metrics.codes import accuracy
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import of_accuracy


def _share(predicted: Tensor, labels: Tensor, protocol: str) -> Measurement:
    value = accuracy(predicted, labels)
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))


@metric("auxiliary_accuracy")
def _auxiliary_accuracy(evidence: Evidence) -> Measurement:
    _ = evidence.label_code  # a semi-supervised model's accuracy is 1 - test_error
    return _share(*_own_classes(evidence))


@metric("test_error")
def _test_error(evidence: Evidence) -> Measurement:
    return error_of(_share(*_own_classes(evidence)))


def _own_classes(evidence: Evidence) -> tuple[Tensor, Tensor, str]:
    need_labels(evidence)
    logits, labels = evidence.held_out_class_logits, evidence.held_out.labels
    return logits.argmax(1), labels, f"classify() on {len(labels)} held-out real images"


def error_of(right: Measurement) -> Measurement:
    """An accuracy as an error: one less it, of the same standard error."""
    return replace(right, value=1 - right.value)


@metric("conditional_accuracy")
def _conditional_accuracy(evidence: Evidence) -> Measurement:
    need_labels(evidence)
    labels = evidence.generated_labels
    evidence.need_classes()
    protocol = f"{evidence.extractor.identity} on {len(labels)} generated, uint8"
    return _share(evidence.classes_of(evidence.generated_logits), labels, protocol)


@metric("classification_accuracy_score")
def _classification_accuracy_score(evidence: Evidence) -> Measurement:
    need_labels(evidence)
    labels = evidence.generated_labels
    return trained_on(evidence, evidence.generated, labels, f"{len(labels)} generated")


def trained_on(evidence: Evidence, images: Tensor, labels: Tensor, description: str) -> Measurement:
    """Accuracy on held-out real images of a fresh classifier trained on labelled images.

    Ravuri & Vinyals 2019 (arXiv:1905.10887). images: uint8 (n, c, h, w), or points (n, 2);
    labels: (n,). Raises Unavailable where the data set has no classes.
    """
    need_labels(evidence)
    steps, held_out = evidence.settings.classifier_steps, evidence.held_out
    predicted = probe.classify(
        (images, labels),
        held_out.images,
        evidence.dataset.classes,
        steps=steps,
        seed=stream(evidence.seed, "fresh classifier"),
    )
    protocol = (
        f"fresh classifier, {steps} steps on {description}, tested on {len(held_out)} held-out "
        "real images, uint8"
    )
    return _share(predicted, held_out.labels, protocol)
