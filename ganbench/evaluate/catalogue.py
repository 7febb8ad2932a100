"""The metrics: every one's specification, in the order of tables. Imports no torch.

A metric is declared here and nowhere else; it is measured by the function that its target names,
which is imported when it is first called.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ganbench.core.errors import unknown
from ganbench.core.metric_specs import MetricSpec, Needs

_AT = "ganbench.evaluate.metrics."

METRICS: dict[str, MetricSpec] = {
    spec.name: spec
    for spec in (
        MetricSpec(
            "fid",
            "fidelity",
            "Frechet distance of generated to training images in an extractor's features",
            _AT + "fidelity.measurements:measure_fid",
            better="lower",
            needs="images",
            extractor="features",
            headline={"images": 1, "labels": 2, "world": 5},
        ),
        MetricSpec(
            "kid",
            "fidelity",
            "unbiased kernel distance of generated to training images in the same features",
            _AT + "fidelity.measurements:measure_kid",
            better="lower",
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "inception_score",
            "fidelity",
            "exp of the information that an extractor's classes and generated images share",
            _AT + "fidelity.measurements:measure_inception_score",
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "precision",
            "fidelity",
            "share of generated images within the training images' neighbourhoods",
            _AT + "fidelity.measurements:measure_precision",
            version=2,
            needs="images",
            extractor="features",
            headline={"images": 2, "labels": 3},
        ),
        MetricSpec(
            "recall",
            "fidelity",
            "share of training images within the generated images' neighbourhoods",
            _AT + "fidelity.measurements:measure_recall",
            version=2,
            needs="images",
            extractor="features",
            headline={"images": 3, "labels": 4},
        ),
        MetricSpec(
            "density",
            "fidelity",
            "how many training images' neighbourhoods hold a generated image, over k",
            _AT + "fidelity.measurements:measure_density",
            version=2,
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "coverage",
            "fidelity",
            "share of training images whose neighbourhood holds a generated image",
            _AT + "fidelity.measurements:measure_coverage",
            version=2,
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "fd_dinov2",
            "fidelity",
            "Frechet distance of generated to training images in DINOv2's features",
            _AT + "fidelity.fd_dinov2:measure_fd_dinov2",
            better="lower",
            needs="images",
            on_request=True,
            extractor="dinov2",
        ),
        MetricSpec(
            "cmmd",
            "fidelity",
            "maximum mean discrepancy of generated and training images in CLIP's embeddings",
            _AT + "fidelity.cmmd:measure_cmmd",
            better="lower",
            needs="images",
            on_request=True,
            extractor="clip",
        ),
        MetricSpec(
            "modes_captured",
            "modes",
            "modes of the mixture with at least one high-quality point",
            _AT + "modes.measurements:measure_modes_captured",
            needs="mixture",
            headline={"mixture": 1},
        ),
        MetricSpec(
            "high_quality",
            "modes",
            "share of generated points within 3 standard deviations of a mode",
            _AT + "modes.measurements:measure_high_quality",
            needs="mixture",
            headline={"mixture": 2},
        ),
        MetricSpec(
            "reverse_kl",
            "modes",
            "KL divergence of high-quality points over the modes from uniform",
            _AT + "modes.measurements:measure_reverse_kl",
            better="lower",
            unit="nats",
            needs="mixture",
            headline={"mixture": 3},
        ),
        MetricSpec(
            "stacked_modes_captured",
            "modes",
            "triples of digits, of 1,000, that are generated",
            _AT + "modes.measurements:measure_stacked_modes_captured",
            needs="stacked",
        ),
        MetricSpec(
            "stacked_modes_kl",
            "modes",
            "KL divergence of generated triples of digits from uniform",
            _AT + "modes.measurements:measure_stacked_modes_kl",
            better="lower",
            unit="nats",
            needs="stacked",
        ),
        MetricSpec(
            "code_recovery",
            "codes",
            "accuracy of an independent probe that reads categorical codes off noisy images",
            _AT + "codes.code_recovery:measure_code_recovery",
            headline={"images": 4, "labels": 5},
        ),
        MetricSpec(
            "code_recovery_clean",
            "codes",
            "the same probe, trained and tested on images without noise",
            _AT + "codes.code_recovery:measure_code_recovery_clean",
        ),
        MetricSpec(
            "code_recovery_continuous",
            "codes",
            "R2 of an independent probe that reads continuous codes off noisy images",
            _AT + "codes.code_recovery:measure_code_recovery_continuous",
            headline={"world": 4},
        ),
        MetricSpec(
            "code_recovery_continuous_clean",
            "codes",
            "the same probe, trained and tested on images without noise",
            _AT + "codes.code_recovery:measure_code_recovery_continuous_clean",
        ),
        MetricSpec(
            "self_code_recovery",
            "codes",
            "accuracy of the model's own encode() on its own images (self-graded)",
            _AT + "codes.code_recovery:measure_self_code_recovery",
        ),
        MetricSpec(
            "self_code_recovery_continuous",
            "codes",
            "R2 of the model's own encode() on its own images (self-graded)",
            _AT + "codes.code_recovery:measure_self_code_recovery_continuous",
        ),
        MetricSpec(
            "mutual_information_bound",
            "information",
            "L_I of the categorical codes under the model's own posterior (self-graded)",
            _AT + "codes.mutual_information_bound:measure_mutual_information_bound",
            unit="nats",
        ),
        MetricSpec(
            "mutual_information_bound_continuous",
            "information",
            "L_I of the continuous codes under the model's own posterior (self-graded)",
            _AT + "codes.mutual_information_bound:measure_mutual_information_bound_continuous",
            unit="nats",
        ),
        MetricSpec(
            "cluster_accuracy",
            "clusters",
            "accuracy of the model's categories, mapped to classes, on held-out real images",
            _AT + "classification.cluster_accuracy:measure_cluster_accuracy",
            headline={"images": 6, "labels": 7},
        ),
        MetricSpec(
            "nmi",
            "clusters",
            "normalised mutual information of the model's categories and class on real images",
            _AT + "classification.cluster_accuracy:measure_nmi",
        ),
        MetricSpec(
            "ari",
            "clusters",
            "adjusted Rand index of the model's categories and class on real images",
            _AT + "classification.cluster_accuracy:measure_ari",
        ),
        MetricSpec(
            "representation_cluster_accuracy",
            "clusters",
            "accuracy of k-means on the continuous codes of real images, mapped to classes",
            _AT + "classification.cluster_accuracy:measure_representation_cluster_accuracy",
        ),
        MetricSpec(
            "mig",
            "disentanglement",
            "mutual information gap of the codes of real images, mean over factors",
            _AT + "disentanglement.measurements:measure_mig",
            version=2,
            needs="images",
            headline={"images": 5, "labels": 6, "world": 2},
        ),
        MetricSpec(
            "modularity",
            "disentanglement",
            "how alone each code's best factor is, in mutual information",
            _AT + "disentanglement.measurements:measure_modularity",
            needs="images",
        ),
        MetricSpec(
            "irs",
            "disentanglement",
            "interventional robustness: how little a code strays while its factor is held",
            _AT + "disentanglement.measurements:measure_irs",
            needs="images",
        ),
        MetricSpec(
            "dci_disentanglement",
            "disentanglement",
            "how few factors each code matters for, by the importances of boosted trees",
            _AT + "disentanglement.measurements:measure_dci_disentanglement",
            needs="world",
            headline={"world": 1},
        ),
        MetricSpec(
            "dci_completeness",
            "disentanglement",
            "how few codes matter for each factor, by the importances of boosted trees",
            _AT + "disentanglement.measurements:measure_dci_completeness",
            needs="world",
        ),
        MetricSpec(
            "dci_informativeness",
            "disentanglement",
            "accuracy of boosted trees that predict factors from all codes",
            _AT + "disentanglement.measurements:measure_dci_informativeness",
            needs="world",
        ),
        MetricSpec(
            "sap",
            "disentanglement",
            "gap of the two best linear predictions of a factor from a single code",
            _AT + "disentanglement.measurements:measure_sap",
            needs="images",
        ),
        MetricSpec(
            "explicitness",
            "disentanglement",
            "area under the curve of linear predictions of factors from all codes",
            _AT + "disentanglement.measurements:measure_explicitness",
            needs="images",
        ),
        MetricSpec(
            "factor_vae_score",
            "disentanglement",
            "FactorVAE's score: the least varying code names the factor that is held",
            _AT + "disentanglement.measurements:measure_factor_vae_score",
            needs="world",
            headline={"world": 3},
        ),
        MetricSpec(
            "beta_vae_score",
            "disentanglement",
            "beta-VAE's score: a linear classifier of code differences names the held factor",
            _AT + "disentanglement.measurements:measure_beta_vae_score",
            needs="world",
        ),
        MetricSpec(
            "within_category_correlation",
            "disentanglement",
            "|Spearman| of continuous codes with slant, thickness, width or height",
            _AT + "codes.within_category_correlation:measure_within_category_correlation",
            needs="images",
        ),
        MetricSpec(
            "auxiliary_accuracy",
            "classes",
            "accuracy of a class-conditional model's own classify() on held-out real images",
            _AT + "classification.class_accuracy:measure_auxiliary_accuracy",
        ),
        MetricSpec(
            "test_error",
            "classes",
            "share of held-out real images that the model's own classify() gets wrong",
            _AT + "classification.class_accuracy:measure_test_error",
            better="lower",
            headline={"images": 7, "labels": 1},
        ),
        MetricSpec(
            "conditional_accuracy",
            "classes",
            "how often an independent classifier sees the intended label in a generated image",
            _AT + "classification.class_accuracy:measure_conditional_accuracy",
            needs="images",
            extractor="classes",
        ),
        MetricSpec(
            "classification_accuracy_score",
            "classes",
            "accuracy on real images of a classifier trained on generated ones",
            _AT + "classification.class_accuracy:measure_classification_accuracy_score",
        ),
        MetricSpec(
            "intra_class_diversity",
            "classes",
            "Vendi score of an extractor's features within a class; to be read beside real images'",
            _AT + "fidelity.vendi_score:measure_intra_class_diversity",
            better="none",
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "memorisation_ratio",
            "memorisation",
            "distance to the nearest training image over that of new real images: 1 new, 0 copies",
            _AT + "fidelity.memorisation:measure_memorisation_ratio",
            better="none",
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "memorisation_copies",
            "memorisation",
            "share of samples as near to training as the nearest 1 % of new real images",
            _AT + "fidelity.memorisation:measure_memorisation_copies",
            better="lower",
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "pixel_js",
            "robustness",
            "Jensen-Shannon distance of the histograms of generated and training pixels",
            _AT + "fidelity.jensen_shannon:measure_pixel_js",
            better="lower",
            version=2,
            needs="images",
        ),
        MetricSpec(
            "feature_js",
            "robustness",
            "Jensen-Shannon distance of the histograms of an extractor's features, mean over them",
            _AT + "fidelity.jensen_shannon:measure_feature_js",
            better="lower",
            version=2,
            needs="images",
            extractor="features",
        ),
        MetricSpec(
            "real_fake_auc",
            "robustness",
            "AUC of the model's own score() for held-out real against generated images",
            _AT + "robustness.accuracy_under_attack:measure_real_fake_auc",
            better="none",
        ),
        MetricSpec(
            "robust_accuracy",
            "robustness",
            "accuracy of the model's own classify() on real images under four attacks, their mean",
            _AT + "robustness.accuracy_under_attack:measure_robust_accuracy",
            needs="images",
            extractor="classes",
        ),
        MetricSpec(
            "attack_detection_auc",
            "robustness",
            "AUC of classify()'s confidence for clean against attacked real images, mean of four",
            _AT + "robustness.accuracy_under_attack:measure_attack_detection_auc",
            better="none",
            needs="images",
            extractor="classes",
        ),
    )
}


def usual(kinds: Collection[Needs]) -> list[MetricSpec]:
    """The metrics that are measured unless others are named, on data of these kinds."""
    return [spec for spec in METRICS.values() if spec.needs in kinds and not spec.on_request]


def chosen(names: Sequence[str]) -> list[MetricSpec]:
    """The metrics of some names, in the table's order.

    `all` names every metric, a group's name all of the group, but for those that are measured
    only on request, by their own name. Raises UserError for an unknown name.
    """
    groups = {spec.group for spec in METRICS.values()}
    for name in names:
        if name not in {"all", *groups, *METRICS}:
            raise unknown("metric", name, [*METRICS, *groups, "all"])
    asked = set(names)
    return [
        spec
        for spec in METRICS.values()
        if spec.name in asked or (not spec.on_request and {"all", spec.group} & asked)
    ]
