"""The metrics: pure functions (arrays in, numbers out) and `METRICS`, how each is measured.

Importing a family registers its metrics.
"""

from ganbench.evaluate.metrics.classes import error_of, trained_on
from ganbench.evaluate.metrics.clusters import ari, cluster_accuracy, k_means, match_clusters, nmi
from ganbench.evaluate.metrics.codes import accuracy, r_squared
from ganbench.evaluate.metrics.disentanglement import (
    entropy,
    mig,
    mutual_information,
    spearman,
    within_category_correlation,
)
from ganbench.evaluate.metrics.factors import FACTORS, image_factors
from ganbench.evaluate.metrics.fidelity import fid
from ganbench.evaluate.metrics.information import information_bound
from ganbench.evaluate.metrics.registry import METRICS, Measurement, Metric, metric

__all__ = [
    "FACTORS",
    "METRICS",
    "Measurement",
    "Metric",
    "accuracy",
    "ari",
    "cluster_accuracy",
    "entropy",
    "error_of",
    "fid",
    "image_factors",
    "information_bound",
    "k_means",
    "match_clusters",
    "metric",
    "mig",
    "mutual_information",
    "nmi",
    "r_squared",
    "spearman",
    "trained_on",
    "within_category_correlation",
]
