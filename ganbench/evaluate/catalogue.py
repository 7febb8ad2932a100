"""Every metric's name, version, direction and one-line summary. Imports no torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ganbench.errors import unknown

Better = Literal["higher", "lower", "none"]
When = Literal["always", "images", "world", "mixture", "stacked", "asked"]

REFERENCES_VERSION = 1
"""Raised when the numbers of the reference rows (real images, k-means) change meaning."""


@dataclass(frozen=True)
class Entry:
    """What is known of a metric without computing it.

    name: the name of the score it gives. version: raised when its numbers change meaning.
    unit: "" for a dimensionless number. when: measured `always`, on `images` alone, where the
    factors are known (`world`), on points of a `mixture`, on `stacked` digits, or only when it
    is `asked` for by name, because it is costly: no group and no `all` holds it. extractor:
    what it, or a row beside it, reads of the extractor that the settings name; `classes` only
    of one that knows the data set's.
    """

    name: str
    group: str
    summary: str
    better: Better = "higher"
    version: int = 1
    unit: str = ""
    when: When = "always"
    extractor: Literal["", "features", "classes"] = ""


CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "fid",
            "fidelity",
            "Frechet distance of generated to training images in an extractor's features",
            better="lower",
            when="images",
            extractor="features",
        ),
        Entry(
            "kid",
            "fidelity",
            "unbiased kernel distance of generated to training images in the same features",
            better="lower",
            when="images",
            extractor="features",
        ),
        Entry(
            "inception_score",
            "fidelity",
            "exp of the information that an extractor's classes and generated images share",
            when="images",
            extractor="features",
        ),
        Entry(
            "precision",
            "fidelity",
            "share of generated images within the training images' neighbourhoods",
            version=2,
            when="images",
            extractor="features",
        ),
        Entry(
            "recall",
            "fidelity",
            "share of training images within the generated images' neighbourhoods",
            version=2,
            when="images",
            extractor="features",
        ),
        Entry(
            "density",
            "fidelity",
            "how many training images' neighbourhoods hold a generated image, over k",
            version=2,
            when="images",
            extractor="features",
        ),
        Entry(
            "coverage",
            "fidelity",
            "share of training images whose neighbourhood holds a generated image",
            version=2,
            when="images",
            extractor="features",
        ),
        Entry(
            "fd_dinov2",
            "fidelity",
            "Frechet distance of generated to training images in DINOv2's features",
            better="lower",
            when="asked",
        ),
        Entry(
            "cmmd",
            "fidelity",
            "maximum mean discrepancy of generated and training images in CLIP's embeddings",
            better="lower",
            when="asked",
        ),
        Entry(
            "modes_captured",
            "modes",
            "modes of the mixture with at least one high-quality point",
            when="mixture",
        ),
        Entry(
            "high_quality",
            "modes",
            "share of generated points within 3 standard deviations of a mode",
            when="mixture",
        ),
        Entry(
            "reverse_kl",
            "modes",
            "KL divergence of high-quality points over the modes from uniform",
            better="lower",
            unit="nats",
            when="mixture",
        ),
        Entry(
            "stacked_modes_captured",
            "modes",
            "triples of digits, of 1,000, that are generated",
            when="stacked",
        ),
        Entry(
            "stacked_modes_kl",
            "modes",
            "KL divergence of generated triples of digits from uniform",
            better="lower",
            unit="nats",
            when="stacked",
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
            "mutual information gap of the codes of real images, mean over factors",
            version=2,
            when="images",
        ),
        Entry(
            "modularity",
            "disentanglement",
            "how alone each code's best factor is, in mutual information",
            when="images",
        ),
        Entry(
            "irs",
            "disentanglement",
            "interventional robustness: how little a code strays while its factor is held",
            when="images",
        ),
        Entry(
            "dci_disentanglement",
            "disentanglement",
            "how few factors each code matters for, by the importances of boosted trees",
            when="world",
        ),
        Entry(
            "dci_completeness",
            "disentanglement",
            "how few codes matter for each factor, by the importances of boosted trees",
            when="world",
        ),
        Entry(
            "dci_informativeness",
            "disentanglement",
            "accuracy of boosted trees that predict factors from all codes",
            when="world",
        ),
        Entry(
            "sap",
            "disentanglement",
            "gap of the two best linear predictions of a factor from a single code",
            when="images",
        ),
        Entry(
            "explicitness",
            "disentanglement",
            "area under the curve of linear predictions of factors from all codes",
            when="images",
        ),
        Entry(
            "factor_vae_score",
            "disentanglement",
            "FactorVAE's score: the least varying code names the factor that is held",
            when="world",
        ),
        Entry(
            "beta_vae_score",
            "disentanglement",
            "beta-VAE's score: a linear classifier of code differences names the held factor",
            when="world",
        ),
        Entry(
            "within_category_correlation",
            "disentanglement",
            "|Spearman| of continuous codes with slant, thickness, width or height",
            when="images",
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
            when="images",
            extractor="classes",
        ),
        Entry(
            "classification_accuracy_score",
            "classes",
            "accuracy on real images of a classifier trained on generated ones",
        ),
        Entry(
            "intra_class_diversity",
            "classes",
            "Vendi score of an extractor's features within a class; to be read beside real images'",
            better="none",
            when="images",
            extractor="features",
        ),
        Entry(
            "memorisation_ratio",
            "memorisation",
            "distance to the nearest training image over that of new real images: 1 new, 0 copies",
            better="none",
            when="images",
            extractor="features",
        ),
        Entry(
            "memorisation_copies",
            "memorisation",
            "share of samples as near to training as the nearest 1 % of new real images",
            better="lower",
            when="images",
            extractor="features",
        ),
        Entry(
            "pixel_js",
            "robustness",
            "Jensen-Shannon distance of the histograms of generated and training pixels",
            better="lower",
            version=2,
            when="images",
        ),
        Entry(
            "feature_js",
            "robustness",
            "Jensen-Shannon distance of the histograms of an extractor's features, mean over them",
            better="lower",
            version=2,
            when="images",
            extractor="features",
        ),
        Entry(
            "real_fake_auc",
            "robustness",
            "AUC of the model's own score() for held-out real against generated images",
            better="none",
        ),
        Entry(
            "attacked_accuracy",
            "robustness",
            "accuracy of the model's own classify() on real images under four attacks, their mean",
            when="images",
            extractor="classes",
        ),
        Entry(
            "attacked_auc",
            "robustness",
            "AUC of classify()'s confidence for clean against attacked real images, mean of four",
            better="none",
            when="images",
            extractor="classes",
        ),
    )
}


def chosen(metrics: Sequence[str] | None, kinds: Collection[When] = ()) -> list[str]:
    """The metrics of an evaluation, in the catalogue's order: those named, or the usual ones.

    kinds: what the data is, see `Entry.when`. `all` names every metric, a group's name all of
    the group, but for those that are measured only when they are asked for by their own name.
    Raises UserError for an unknown name.
    """
    if metrics is None:
        return [entry.name for entry in CATALOGUE.values() if entry.when in kinds]
    groups = {entry.group for entry in CATALOGUE.values()}
    for name in metrics:
        if name not in {"all", *groups, *CATALOGUE}:
            raise unknown("metric", name, [*CATALOGUE, *groups, "all"])
    asked = set(metrics)
    return [
        entry.name
        for entry in CATALOGUE.values()
        if entry.name in asked or (entry.when != "asked" and {"all", entry.group} & asked)
    ]
