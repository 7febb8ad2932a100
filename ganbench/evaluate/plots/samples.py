"""Pictures of what a model generates: a grid of samples, and a walk along its codes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ganbench.core.latent import Latent, LatentValue
from ganbench.core.printable import printable_caption
from ganbench.core.seeding import stream
from ganbench.data.dataset import to_uint8
from ganbench.evaluate.capabilities import Unavailable, ask, latent_of
from ganbench.evaluate.evidence import Evidence, undisturbed
from ganbench.evaluate.metrics.classification.cluster_accuracy import match_clusters

ROWS = COLUMNS = 10
MOST_CATEGORIES = 20
MOST_PANELS = 4
WALK = torch.linspace(-1.5, 1.5, 7)
"""Values of a continuous code, in units of half its training range around its middle."""
INCHES = 0.4
"""Side of one image on paper."""
LETTER = 0.07
"""Width of a letter of a row's name, in inches."""


def samples_picture(evidence: Evidence, path: Path | BytesIO, title: str | None = None) -> None:
    """Write a grid of generated images, 10 columns at most.

    With a categorical code, each column is one of its categories, named above it; a few
    categories have several columns each. Raises Unavailable where the model has no latent
    or cannot generate.
    """
    latent = latent_of(evidence.model)
    value = latent.draw(ROWS * COLUMNS, _rng(evidence, "samples picture"))
    columns, names, caption = COLUMNS, [""] * COLUMNS, ""
    if latent.categorical:
        code = latent.categorical[0]
        each = max(COLUMNS // code.classes, 1)
        columns = min(COLUMNS, code.classes * each)
        shown = torch.arange(columns) // each
        names, caption = [str(i) for i in shown.tolist()], "class" if code.label else code.name
        value = value[: ROWS * columns]
        codes = value.codes.clone()
        codes[:, 0] = shown.repeat(ROWS)
        value = latent.assemble(latent.noise_of(value), codes)
    top = (0.4 if caption else 0.1) + (0.25 if title else 0.0)
    figure, (axes,) = sheet((ROWS, columns), 1, left=0.1, top=top)
    show(axes, _images(evidence, value), columns, names, caption)
    if title:
        figure.suptitle(
            printable_caption(title), fontsize=8, y=1 - 0.06 / figure.get_figheight(), va="top"
        )
    figure.savefig(path, dpi=100)


def traversal_picture(evidence: Evidence, path: Path | BytesIO) -> None:
    """Write a walk along the codes: a row per category, a column per value, the noise fixed.

    One panel per continuous code, from -1.5 to 1.5 times half its range, beyond what the
    generator was trained on; the other continuous codes stay in the middle. Without
    continuous codes the columns are draws of noise; without categorical ones the rows are,
    or, of a latent that is all codes, draws of the codes that a panel does not walk along.

    Raises Unavailable where the model has no latent or cannot generate.
    """
    latent = latent_of(evidence.model)
    names = row_names(evidence)
    rows, columns = len(names) or ROWS, len(WALK)
    walked = latent.continuous[:MOST_PANELS]
    noise = latent.draw_noise(rows * columns, _rng(evidence, "traversal")).unflatten(
        0, (rows, columns)
    )
    if latent.categorical:
        noise = noise[:1]
    if walked:
        noise = noise[:, :1]
    noise = noise.expand(rows, columns, -1)
    base = _middle(latent).repeat(rows, 1, 1)
    if not (latent.categorical or noise.shape[2]):
        base = latent.draw_codes(rows, _rng(evidence, "traversal"))[:, None]
    left = 0.1 + LETTER * max(map(len, names), default=0)
    figure, panels = sheet((rows, columns), max(len(walked), 1), left=left, top=0.4)
    for panel, axes in enumerate(panels):
        codes = base.repeat(1, columns, 1)
        ticks, caption = [""] * columns, "draws of noise"
        if latent.categorical:
            codes[:, :, 0] = torch.arange(rows)[:, None]
        if walked:
            code, column = walked[panel], len(latent.categorical) + panel
            codes[:, :, column] = _middle(latent)[column] + WALK * (code.high - code.low) / 2
            ticks, caption = [f"{v:g}" for v in codes[0, :, column].tolist()], code.name
        value = latent.assemble(noise.flatten(0, 1), codes.flatten(0, 1))
        side = show(axes, _images(evidence, value), columns, ticks, caption)
        if names and panel == 0:
            name_rows(axes, side, names)
    figure.savefig(path, dpi=100)


def row_names(evidence: Evidence) -> list[str]:
    """What each category of the first categorical code stands for; empty without one.

    A label code's categories are the classes. Another's are matched to the classes on the
    real training images through encode() by the Hungarian method ("code 3 -> digit 7").
    """
    latent, dataset = latent_of(evidence.model), evidence.dataset
    if not latent.categorical:
        return []
    code = latent.categorical[0]
    indices = range(min(code.classes, MOST_CATEGORIES))
    noun = "digit" if dataset.name in ("digits", "mnist") else "class"
    if code.label:
        return [f"{noun} {i}" for i in indices]
    if not dataset.classes:
        return [f"code {i}" for i in indices]
    try:
        with undisturbed(evidence.model, evidence.seed, evidence.device):
            mapping = match_clusters(evidence.train_codes[:, 0], evidence.train.labels)
    except Unavailable:
        return [f"code {i}" for i in indices]
    return [
        f"code {i} -> {noun} {mapping[i]}" if i in mapping else f"code {i} (unmatched)"
        for i in indices
    ]


def _rng(evidence: Evidence, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(stream(evidence.seed, purpose))


def _middle(latent: Latent) -> Tensor:
    """Codes (codes,): category 0, and the middle of each continuous code's range."""
    return torch.tensor([0.0 if c.classes else (c.low + c.high) / 2 for c in latent.codes])


def _images(evidence: Evidence, value: LatentValue) -> Tensor:
    model, device = evidence.model, evidence.device
    with undisturbed(model, evidence.seed, device):
        return to_uint8(ask(model, "generate", value.to(device)).float().cpu())


def sheet(
    grid: tuple[int, int], panels: int, *, left: float, top: float
) -> tuple[Figure, list[Axes]]:
    """A figure with `panels` axes side by side, each for a grid of (rows, columns) images."""
    height, width = grid[0] * INCHES, grid[1] * INCHES
    gap = 0.2
    total = left + panels * (width + gap), top + height + 0.1
    figure = Figure(figsize=total)  # a Figure of its own draws with Agg: no global state
    boxes = [
        ((left + i * (width + gap)) / total[0], 0.1 / total[1], width / total[0], height / total[1])
        for i in range(panels)
    ]
    return figure, [figure.add_axes(box) for box in boxes]


def show(axes: Axes, images: Tensor, columns: int, names: Sequence[str], caption: str) -> float:
    """Lay out uint8 images (n, c, h, w) in rows of `columns`; returns the side of a cell."""
    n, _, height, width = images.shape
    cells = images.movedim(1, -1).unflatten(0, (n // columns, columns)).numpy()
    gap = max(height // 16, 1)
    padded = np.pad(cells, [(0, 0), (0, 0), (0, gap), (0, gap), (0, 0)], constant_values=255)
    rows, down, across = len(padded), height + gap, width + gap
    sheet: NDArray[np.uint8] = padded.swapaxes(1, 2).reshape(rows * down, columns * across, -1)
    if sheet.shape[2] == 1:
        sheet = sheet.repeat(3, axis=2)
    axes.imshow(
        sheet,
        interpolation="nearest",
        aspect="auto",
        extent=(0, columns * across, rows * down, 0),
    )
    axes.set_axis_off()  # an axis and its ticks take longer to draw than all the images
    point = down / (72 * INCHES)
    for column, name in enumerate(names):
        axes.text(
            (column + 0.5) * across, -4 * point, printable_caption(name), fontsize=8, ha="center"
        )
    axes.text(
        columns * across / 2, -16 * point, printable_caption(caption), fontsize=8, ha="center"
    )
    return float(down)


def name_rows(axes: Axes, side: float, names: Sequence[str]) -> None:
    """Names to the left of the rows of a panel that `show` laid out."""
    for row, name in enumerate(names):
        axes.text(
            -0.12 * side, (row + 0.5) * side, name, fontsize=8, ha="right", va="center_baseline"
        )
