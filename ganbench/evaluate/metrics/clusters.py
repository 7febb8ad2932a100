"""How well a model's categories, or clusters of its codes, group real images by class."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.metrics.inputs import as_classes, same_length
from ganbench.evaluate.metrics.registry import Measurement, metric
from ganbench.evaluate.metrics.uncertainty import bootstrap, of_accuracy


def match_clusters(predicted: ArrayLike, labels: ArrayLike) -> dict[int, int]:
    """The one-to-one mapping of clusters to labels that makes the most pairs (n,) right.

    Hungarian method (Kuhn 1955). Where clusters outnumber labels, the superfluous ones are
    left out of the mapping. Raises ValueError as `cluster_accuracy` does.
    """
    found, truth = _both(predicted, labels)
    clusters, cluster_of = np.unique(found, return_inverse=True)
    names, label_of = np.unique(truth, return_inverse=True)
    table = np.zeros((len(clusters), len(names)), dtype=np.int64)
    np.add.at(table, (cluster_of, label_of), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {int(clusters[r]): int(names[c]) for r, c in zip(rows, columns, strict=True)}


def cluster_accuracy(
    predicted: ArrayLike, labels: ArrayLike, mapping: dict[int, int] | None = None
) -> float:
    """Share of predicted clusters (n,) that map to the label (n,).

    Without a mapping, the best one on these very pairs is fitted first. A cluster that the
    mapping does not name is wrong. Clusters and labels are any whole numbers, negative ones too.

    Raises ValueError for empty input, different lengths and numbers with a fraction.
    """
    clusters, truth = _both(predicted, labels)
    if mapping is None:
        mapping = match_clusters(clusters, truth)
    names, cluster_of = np.unique(clusters, return_inverse=True)
    named = np.array([int(name) in mapping for name in names])
    label = np.array([mapping.get(int(name), 0) for name in names])
    return float(np.mean(named[cluster_of] & (label[cluster_of] == truth)))


def nmi(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Mutual information over the mean of both entropies, of clusters and labels (n,).

    1 where both are a single group. Raises ValueError as `cluster_accuracy` does.
    """
    clusters, truth = _both(predicted, labels)
    return float(normalized_mutual_info_score(truth, clusters))


def ari(predicted: ArrayLike, labels: ArrayLike) -> float:
    """Adjusted Rand index (Hubert & Arabie 1985): 0 for chance, 1 for equal partitions.

    Raises ValueError as `cluster_accuracy` does.
    """
    clusters, truth = _both(predicted, labels)
    return float(adjusted_rand_score(truth, clusters))


def _both(predicted: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    clusters, truth = as_classes(predicted, "predicted clusters"), as_classes(labels, "labels")
    same_length(clusters, truth, "predicted clusters", "labels")
    return clusters, truth


def grouping(
    name: str, train: tuple[ArrayLike, ArrayLike], held_out: tuple[ArrayLike, ArrayLike], by: str
) -> Measurement:
    """Measure one of the three scores of (clusters, labels) pairs; `by` says who clustered."""
    clusters, labels = np.asarray(held_out[0]).astype(np.int64), np.asarray(held_out[1])
    where = f"{by} on {len(labels)} held-out real images"
    if name == "cluster_accuracy":
        value = cluster_accuracy(clusters, labels, match_clusters(*train))
        fitted = len(np.asarray(train[1]))
        protocol = f"{where}, mapping fitted on {fitted} training images"
        return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))
    statistic: Callable[..., float] = {"nmi": nmi, "ari": ari}[name]
    value = statistic(clusters, labels)
    return Measurement(value, len(labels), where, bootstrap(statistic, clusters, labels))


def k_means(
    train: ArrayLike, held_out: ArrayLike, k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clusters (n,) and (m,) of points (n, d) and (m, d); k-means fitted on the first.

    Lloyd's algorithm, the best of 10 k-means++ starts (scikit-learn), generator fixed. Fewer
    clusters where there are not as many points.
    """
    points = [np.ascontiguousarray(part, np.float32) for part in (train, held_out)]
    with warnings.catch_warnings():
        # of fewer distinct points than clusters: the superfluous ones stay empty, as they should
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(min(k, len(points[0])), n_init=10, random_state=0).fit(points[0])
    fitted, found = (np.asarray(model.predict(part), np.int64) for part in points)
    return fitted, found


def need_labels(evidence: Evidence) -> None:
    """Raise Unavailable where the data set has no classes."""
    if not evidence.dataset.classes:
        raise Unavailable("the data set has no labels")


def _by_category(evidence: Evidence, name: str) -> Measurement:
    need_labels(evidence)
    found = evidence.categories
    return grouping(
        name,
        (found.train, evidence.train.labels),
        (found.held_out, evidence.held_out.labels),
        "the model's own categories (cluster(), or the first categorical code by encode())",
    )


@metric("cluster_accuracy")
def _cluster_accuracy(evidence: Evidence) -> Measurement:
    return _by_category(evidence, "cluster_accuracy")


@metric("nmi")
def _nmi(evidence: Evidence) -> Measurement:
    return _by_category(evidence, "nmi")


@metric("ari")
def _ari(evidence: Evidence) -> Measurement:
    return _by_category(evidence, "ari")


@metric("representation_cluster_accuracy")
def _representation_cluster_accuracy(evidence: Evidence) -> Measurement:
    need_labels(evidence)
    codes, k = evidence.continuous, evidence.dataset.classes
    if len(codes) < 2:
        raise Unavailable("its latent carries a single continuous code")
    columns = slice(-len(codes), None)
    fitted, found = k_means(
        evidence.train_codes[:, columns], evidence.held_out_codes[:, columns], k
    )
    return grouping(
        "cluster_accuracy",
        (fitted, evidence.train.labels),
        (found, evidence.held_out.labels),
        f"k-means, k = {k}, on the continuous codes by encode()",
    )
