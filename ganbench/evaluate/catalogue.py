"""Every metric's name, version, direction and one-line summary. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ganbench.errors import unknown

Better = Literal["higher", "lower"]
When = Literal["always", "world", "asked"]

REFERENCES_VERSION = 1
"""Raised when the numbers of the reference rows (real images, k-means) change meaning."""


@dataclass(frozen=True)
class Entry:
    """What is known of a metric without computing it.

    name: the name of the score it gives. version: raised when its numbers change meaning.
    unit: "" for a dimensionless number. when: measured `always`, only on data with known
    factors (`world`), or only when it is `asked` for by name, because it is costly.
    """

    name: str
    group: str
    summary: str
    better: Better = "higher"
    version: int = 1
    unit: str = ""
    when: When = "always"


CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "fid",
            "fidelity",
            "Frechet distance of generated to training images in an extractor's features",
            better="lower",
        ),
        Entry(
            "code_recovery",
            "codes",
            "accuracy of an independent probe that reads categorical codes off noisy images",
        ),
        Entry(
            "code_recovery_clean",
            "codes",
            "the same probe, trained and tested on images without noise",
        ),
        Entry(
            "code_recovery_continuous",
            "codes",
            "R2 of an independent probe that reads continuous codes off noisy images",
        ),
        Entry(
            "code_recovery_continuous_clean",
            "codes",
            "the same probe, trained and tested on images without noise",
        ),
        Entry(
            "self_code_recovery",
            "codes",
            "accuracy of the model's own encode() on its own images (self-graded)",
        ),
        Entry(
            "self_code_recovery_continuous",
            "codes",
            "R2 of the model's own encode() on its own images (self-graded)",
        ),
        Entry(
            "mutual_information_bound",
            "information",
            "L_I of the categorical codes under the model's own posterior (self-graded)",
            unit="nats",
        ),
        Entry(
            "mutual_information_bound_continuous",
            "information",
            "L_I of the continuous codes under the model's own posterior (self-graded)",
            unit="nats",
        ),
        Entry(
            "cluster_accuracy",
            "clusters",
            "accuracy of the model's categories, mapped to classes, on held-out real images",
        ),
        Entry(
            "nmi",
            "clusters",
            "normalised mutual information of the model's categories and class on real images",
        ),
        Entry(
            "ari",
            "clusters",
            "adjusted Rand index of the model's categories and class on real images",
        ),
        Entry(
            "representation_cluster_accuracy",
            "clusters",
            "accuracy of k-means on the continuous codes of real images, mapped to classes",
        ),
        Entry(
            "mig",
            "disentanglement",
            "mutual information gap of the codes on the class of real images",
        ),
        Entry(
            "within_category_correlation",
            "disentanglement",
            "|Spearman| of continuous codes with slant, thickness, width or height",
        ),
        Entry(
            "auxiliary_accuracy",
            "classes",
            "accuracy of a class-conditional model's own classify() on held-out real images",
        ),
        Entry(
            "test_error",
            "classes",
            "share of held-out real images that the model's own classify() gets wrong",
            better="lower",
        ),
        Entry(
            "conditional_accuracy",
            "classes",
            "how often an independent classifier sees the intended label in a generated image",
        ),
        Entry(
            "classification_accuracy_score",
            "classes",
            "accuracy on real images of a classifier trained on generated ones",
        ),
    )
}


def chosen(metrics: Sequence[str] | None, world: bool) -> list[str]:
    """The metrics of an evaluation, in the catalogue's order: those named, or the usual ones.

    world: whether the data's factors are known. `all` names every metric, a group's name all
    of the group. Raises UserError for an unknown name.
    """
    if metrics is None:
        usual = ("always", "world") if world else ("always",)
        return [entry.name for entry in CATALOGUE.values() if entry.when in usual]
    groups = {entry.group for entry in CATALOGUE.values()}
    for name in metrics:
        if name not in {"all", *groups, *CATALOGUE}:
            raise unknown("metric", name, [*CATALOGUE, *groups, "all"])
    asked = set(metrics)
    return [entry.name for entry in CATALOGUE.values() if {"all", entry.name, entry.group} & asked]
