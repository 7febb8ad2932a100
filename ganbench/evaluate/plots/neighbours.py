"""A picture of generated images and the training images nearest to each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.core.seeding import stream
from ganbench.evaluate.capabilities import Unavailable
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.metrics.fidelity.precision_recall import nearest_rows
from ganbench.evaluate.plots.samples import name_rows, sheet, show

SAMPLES = 5
"""How many samples are shown of each kind: drawn at random, and the closest of all."""
NEIGHBOURS = 5


def neighbours_picture(evidence: Evidence, path: Path | BytesIO) -> None:
    """Write generated images, each with the training images nearest to it behind a gap.

    The upper rows are samples at random, the lower ones those of all that are closest to a
    training image: the first to look at for copies. They are the evaluation's very samples and
    training images. Nearest in the extractor's features where a metric reads them, else in
    pixels: nothing is fetched for a picture. The number is that distance, and 0 is a copy.

    Raises Unavailable for points, and where the model has no latent or cannot generate.
    """
    if evidence.dataset.kind == "points":
        raise Unavailable("points are not drawn with their neighbours")
    with undisturbed(evidence.model, evidence.seed, evidence.device):
        images, train = evidence.generated, evidence.train.images
        space, rows, reference = _space(evidence)
    count = min(NEIGHBOURS, len(train))
    rng = np.random.default_rng(stream(evidence.seed, "neighbours"))
    random = rng.permutation(len(images))[:SAMPLES]
    closest = np.argsort(nearest_rows(rows, reference, 1)[0][:, 0], kind="stable")[:SAMPLES]
    chosen = torch.from_numpy(np.concatenate([random, closest]))
    distances, found = nearest_rows(rows[chosen], reference, count)

    gap = torch.full_like(images[chosen], 255)[:, None]
    cells = torch.cat([images[chosen][:, None], gap, train[torch.from_numpy(found)]], 1)
    figure, (axes,) = sheet((len(chosen), count + 2), 1, left=1.15, top=0.4)
    names = ["sample", "", *map(str, range(1, count + 1))]
    side = show(axes, cells.flatten(0, 1), count + 2, names, f"nearest training images, by {space}")
    kinds = ["random"] * len(random) + ["closest"] * len(closest)
    labels = [f"{kind}  {d:.2f}" for kind, d in zip(kinds, distances[:, 0], strict=True)]
    name_rows(axes, side, labels)
    figure.savefig(path, dpi=100)


def _space(evidence: Evidence) -> tuple[str, Tensor, Tensor]:
    """Where distances are taken, and the samples (n, d) and training images (m, d) there."""
    settings, dataset = evidence.settings, evidence.dataset
    read = [
        spec for spec in settings.specs_for(dataset) if spec.extractor in ("features", "classes")
    ]
    if any(settings.extractor_of(spec, dataset) for spec in read):
        try:
            name = evidence.extractor.name
        except Unavailable:
            pass
        else:
            return name, evidence.generated_features, evidence.train_features
    images = evidence.generated, evidence.train.images
    generated, train = (each.flatten(1).float() / 255 for each in images)
    return "pixels", generated, train
