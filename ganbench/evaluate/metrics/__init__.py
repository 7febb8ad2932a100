"""The metrics: pure functions (arrays in, numbers out) and `METRICS`, how each is measured.

Importing a family registers its metrics.
"""

from ganbench.evaluate.metrics.attacks import fgsm, pgd
from ganbench.evaluate.metrics.classes import error_of, trained_on
from ganbench.evaluate.metrics.clusters import ari, cluster_accuracy, k_means, match_clusters, nmi
from ganbench.evaluate.metrics.codes import accuracy, r_squared
from ganbench.evaluate.metrics.companions import cmmd
from ganbench.evaluate.metrics.correlation import spearman, within_category_correlation
from ganbench.evaluate.metrics.disentanglement import (
    entropy,
    irs,
    mig,
    modularity,
    mutual_information,
)
from ganbench.evaluate.metrics.diversity import vendi_score
from ganbench.evaluate.metrics.factors import FACTORS, image_factors
from ganbench.evaluate.metrics.fidelity import distance_to_training
from ganbench.evaluate.metrics.found_modes import coverage_of_points
from ganbench.evaluate.metrics.frechet import Moments, fid
from ganbench.evaluate.metrics.histograms import jensen_shannon
from ganbench.evaluate.metrics.inception import inception_score
from ganbench.evaluate.metrics.information import information_bound
from ganbench.evaluate.metrics.interventions import beta_vae_score, factor_vae_score
from ganbench.evaluate.metrics.kernel import kid
from ganbench.evaluate.metrics.memorisation import Memorisation, memorisation
from ganbench.evaluate.metrics.modes import (
    ModeCoverage,
    StackedModeCoverage,
    mode_coverage,
    stacked_mode_coverage,
)
from ganbench.evaluate.metrics.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    density_coverage,
    precision_recall,
)
from ganbench.evaluate.metrics.predictors import DCI, dci, explicitness, sap
from ganbench.evaluate.metrics.registry import METRICS, Measurement, Metric, metric
from ganbench.evaluate.metrics.representations import MEASURES
from ganbench.evaluate.metrics.robustness import auc

__all__ = [
    "DCI",
    "FACTORS",
    "MEASURES",
    "METRICS",
    "DensityCoverage",
    "Measurement",
    "Memorisation",
    "Metric",
    "ModeCoverage",
    "Moments",
    "PrecisionRecall",
    "StackedModeCoverage",
    "accuracy",
    "ari",
    "auc",
    "beta_vae_score",
    "cluster_accuracy",
    "cmmd",
    "coverage_of_points",
    "dci",
    "density_coverage",
    "distance_to_training",
    "entropy",
    "error_of",
    "explicitness",
    "factor_vae_score",
    "fgsm",
    "fid",
    "image_factors",
    "inception_score",
    "information_bound",
    "irs",
    "jensen_shannon",
    "k_means",
    "kid",
    "match_clusters",
    "memorisation",
    "metric",
    "mig",
    "mode_coverage",
    "modularity",
    "mutual_information",
    "nmi",
    "pgd",
    "precision_recall",
    "r_squared",
    "sap",
    "spearman",
    "stacked_mode_coverage",
    "trained_on",
    "vendi_score",
    "within_category_correlation",
]
