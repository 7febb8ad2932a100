"""Cluster accuracy, NMI and ARI of a model's categories or of clusters of its codes."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence
from ganbench.evaluate.measurement import Measurement
from ganbench.evaluate.metrics.inputs import as_classes, same_length
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


Groups = tuple[ArrayLike, ArrayLike]
"""Clusters and labels, (n,) each, of the same images."""


def _mapped(train: Groups, held_out: Groups, protocol: dict[str, Any]) -> Measurement:
    """Accuracy of held-out clusters, by the mapping to labels that is best on training images."""
    clusters, labels = (np.asarray(part).astype(np.int64) for part in held_out)
    value = cluster_accuracy(clusters, labels, match_clusters(*train))
    protocol |= {"mapping": "best one-to-one", "training": len(np.asarray(train[1]))}
    return Measurement(value, len(labels), protocol, of_accuracy(value, len(labels)))


def _agreement(evidence: Evidence, statistic: Callable[..., float]) -> Measurement:
    """A statistic of the model's categories and the classes of held-out real images."""
    need_labels(evidence)
    clusters, labels = evidence.categories.held_out.numpy(), evidence.held_out.labels.numpy()
    value, error = statistic(clusters, labels), bootstrap(statistic, clusters, labels)
    return Measurement(value, len(labels), _by_category(evidence), error)


def _by_category(evidence: Evidence) -> dict[str, Any]:
    return {"categories_by": evidence.categories.by, "held_out": len(evidence.held_out)}


def k_means(
    train: ArrayLike, held_out: ArrayLike, k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clusters (n,) and (m,) of points (n, d) and (m, d); k-means fitted on the first.

    Lloyd's algorithm, the best of 10 k-means++ starts (scikit-learn), generator fixed. Fewer
    clusters where there are not as many points.
    """
    points = [np.ascontiguousarray(part, np.float32) for part in (train, held_out)]
    model = fit_k_means(points[0], k)
    fitted, found = (np.asarray(model.predict(part), np.int64) for part in points)
    return fitted, found


_fitted: dict[str, KMeans] = {}


def fit_k_means(points: ArrayLike, k: int) -> KMeans:
    """The clusters of points (n, d), as `k_means` has them; `predict` reads float32.

    The last ones are kept: of pixels they are asked for as categories and as codes, and may take
    minutes.
    """
    rows = np.ascontiguousarray(points, np.float32)
    key = f"{hashlib.sha256(rows.data).hexdigest()} {rows.shape} {k}"
    if key not in _fitted:
        _fitted.clear()
        with warnings.catch_warnings():
            # of fewer distinct points than clusters the superfluous ones stay empty, as they should
            warnings.simplefilter("ignore", ConvergenceWarning)
            _fitted[key] = KMeans(min(k, len(rows)), n_init=10, random_state=0).fit(rows)
    return _fitted[key]


def need_labels(evidence: Evidence) -> None:
    """Raise Unavailable where the data set has no classes."""
    if not evidence.dataset.classes:
        raise Unavailable("the data set has no labels")


def measure_cluster_accuracy(evidence: Evidence) -> Measurement:
    """Accuracy of the model's categories, mapped to classes, on held-out real images."""
    need_labels(evidence)
    found, train, held_out = evidence.categories, evidence.train.labels, evidence.held_out.labels
    return _mapped((found.train, train), (found.held_out, held_out), _by_category(evidence))


def measure_nmi(evidence: Evidence) -> Measurement:
    """`nmi` of the model's categories and the classes of held-out real images."""
    return _agreement(evidence, nmi)


def measure_ari(evidence: Evidence) -> Measurement:
    """`ari` of the model's categories and the classes of held-out real images."""
    return _agreement(evidence, ari)


def measure_representation_cluster_accuracy(evidence: Evidence) -> Measurement:
    """Accuracy of k-means on the continuous codes of real images, mapped to classes."""
    need_labels(evidence)
    codes, k = evidence.continuous, evidence.dataset.classes
    if len(codes) < 2:
        raise Unavailable("its latent carries a single continuous code")
    columns = slice(-len(codes), None)
    fitted, found = k_means(
        evidence.train_codes[:, columns], evidence.held_out_codes[:, columns], k
    )
    protocol = {
        "codes_by": "encode()",
        "codes": "continuous",
        "clustering": "k-means",
        "clusters": k,
    }
    return _mapped(
        (fitted, evidence.train.labels),
        (found, evidence.held_out.labels),
        protocol | {"held_out": len(evidence.held_out)},
    )
