"""Pictures of points of the plane: generated ones over real ones, and coloured by their codes."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ganbench.core.printable import printable_caption
from ganbench.core.seeding import stream
from ganbench.data.dataset import Dataset
from ganbench.evaluate import capabilities
from ganbench.evaluate.evidence import Evidence, choose, undisturbed
from ganbench.evaluate.plots.samples import MOST_PANELS

POINTS = 2000
INCHES = 4.0
"""Side of one panel."""
MARGIN = 1.15
"""Half a panel's side, as a multiple of the furthest real coordinate."""
REAL, GENERATED = "#B8B8B8", "#D55E00"


def points_picture(evidence: Evidence, path: Path | BytesIO, title: str | None = None) -> None:
    """Write generated points over held-out real ones, with a ring around each mode's centre.

    Axes are in the units of the publications. Raises Unavailable where the model has no latent
    or cannot generate.
    """
    points, _ = _generated(evidence)
    figure, (axes,) = _panels(evidence.dataset, 1)
    _dots(axes, points, GENERATED, "generated")
    outside = int((abs(points) > axes.get_xlim()[1]).any(1).sum())
    axes.set_xlabel(f"{outside} of {len(points)} generated points lie outside" if outside else "")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=3, fontsize=8, frameon=False)
    if title:
        axes.set_title(printable_caption(title), fontsize=8)
    figure.savefig(path, dpi=100)


def codes_picture(evidence: Evidence, path: Path | BytesIO) -> None:
    """Write generated points once per code, coloured by its value; the first four codes.

    Raises Unavailable where the model's latent has no codes or it cannot generate.
    """
    codes = evidence.latent.codes[:MOST_PANELS]
    points, values = _generated(evidence)
    figure, panels = _panels(evidence.dataset, len(codes))
    for axes, code, column in zip(panels, codes, values.T, strict=False):
        if code.classes:
            wide = code.classes > 10
            shades = colormaps["tab20" if wide else "tab10"](column.astype(int) % 20)
        else:
            shades = colormaps["viridis"]((column - code.low) / (code.high - code.low))
        _dots(axes, points, shades, "generated")
        axes.set_title("class" if code.label else printable_caption(code.name), fontsize=8)
    figure.savefig(path, dpi=100)


def _generated(evidence: Evidence) -> tuple[NDArray[Any], NDArray[Any]]:
    """Points (n, 2) in the units of the publications, and their codes (n, codes)."""
    model, dataset, device = evidence.model, evidence.dataset, evidence.device
    rng = torch.Generator().manual_seed(stream(evidence.seed, "points picture"))
    latent = capabilities.latent_of(model).draw(POINTS, rng)
    with undisturbed(model, evidence.seed, device):
        points = capabilities.generate(model, latent.to(device), dataset.shape)
    return points.float().cpu().numpy() * _scale(dataset), latent.codes.numpy()


def _scale(dataset: Dataset) -> float:
    return dataset.mixture.scale if dataset.mixture else 1.0


def _panels(dataset: Dataset, n: int) -> tuple[Figure, list[Axes]]:
    """Panels side by side with the real points in them."""
    figure = Figure(figsize=(n * INCHES, INCHES * 1.12), layout="constrained")
    panels = list(figure.subplots(1, n, squeeze=False)[0])
    real = choose(dataset.test, POINTS).images.numpy() * _scale(dataset)
    side = MARGIN * float(abs(real).max())
    for axes in panels:
        axes.set(xlim=(-side, side), ylim=(-side, side), aspect="equal")
        axes.tick_params(labelsize=7)
        _dots(axes, real, REAL, "real", size=9)
        if dataset.mixture:
            x, y = dataset.mixture.means.T
            ring: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linewidths": 0.6}
            axes.scatter(x, y, s=90, label="centres of the modes", **ring)
    return figure, panels


def _dots(axes: Axes, points: NDArray[Any], colour: Any, label: str, size: float = 2) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=size, c=colour, linewidths=0, label=label)
