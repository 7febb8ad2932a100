"""Accuracies of classification and of class-conditional generation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from ganbench.core.seeding import stream
from ganbench.evaluate import probe
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.classification.cluster_accuracy import need_labels
from ganbench.evaluate.metrics.codes.code_recovery import accuracy
from ganbench.evaluate.metrics.uncertainty import of_accuracy


def _share(predicted: Tensor, labels: Tensor, protocol: dict[str, Any]) -> Measurement:
    value = accuracy(predicted, labels)
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))


def measure_auxiliary_accuracy(evidence: Evidence) -> Measurement:
    """Accuracy of `classify()` on held-out real images, of a model whose code is the class."""
    _ = evidence.label_code  # a semi-supervised model's accuracy is 1 - test_error
    return _own_classes(evidence)


def measure_test_error(evidence: Evidence) -> Measurement:
    """One less the accuracy of `classify()` on held-out real images, of the same error."""
    right = _own_classes(evidence)
    return replace(right, value=1 - right.value)


def _own_classes(evidence: Evidence) -> Measurement:
    need_labels(evidence)
    logits, labels = evidence.held_out_class_logits, evidence.held_out.labels
    protocol = {"classes_by": "classify()", "held_out": len(labels)}
    return _share(logits.argmax(1), labels, protocol)


def measure_conditional_accuracy(evidence: Evidence) -> Measurement:
    """How often the extractor sees the intended label in a generated image."""
    need_labels(evidence)
    labels = evidence.generated_labels
    evidence.need_classes()
    protocol = {"extractor": evidence.extractor.identity, **evidence.image_facts(len(labels))}
    predicted = evidence.classes_of(evidence.generated_logits)
    return _share(predicted, labels, protocol | {"storage": "uint8"})


def measure_classification_accuracy_score(evidence: Evidence) -> Measurement:
    """Accuracy on held-out real images of a fresh classifier trained on generated images.

    Ravuri & Vinyals 2019 (arXiv:1905.10887). Raises Unavailable where there are no classes.
    """
    need_labels(evidence)
    labels, held_out = evidence.generated_labels, evidence.held_out
    steps = evidence.settings.classifier_steps
    predicted = probe.classify(
        (evidence.generated, labels),
        held_out.images,
        evidence.dataset.classes,
        steps=steps,
        seed=stream(evidence.seed, "fresh classifier"),
    )
    protocol = {"classifier_steps": steps, **evidence.image_facts(len(labels))}
    protocol |= {"held_out": len(held_out), "storage": "uint8"}
    return _share(predicted, held_out.labels, protocol)
