"""Plots of training: one trial's history, and curves of many over each other."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganbench.core.printable import printable_caption
from ganbench.records.files import atomic_write

HistoryRow = Mapping[str, Any]
History = Sequence[HistoryRow]

PREFIX = "information/"
NOT_LOSSES = {"round", "images", "images_per_second"}
AXES = ("round", "images", "seconds")
# Okabe and Ito's colours, told apart by colour-blind readers too; yellow is too pale for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", ":", "-.")
INFORMATION = "$L_I$ (nats)"


def history_picture(history: History, path: Path | str | io.BytesIO, title: str) -> None:
    """Draw the losses of a trial and, in a panel beside them, its L_I per code.

    Raises UserError where the picture cannot be written.
    """
    names = dict.fromkeys(name for row in history for name in row if name not in NOT_LOSSES)
    information = [name for name in names if name.startswith(PREFIX)]
    losses = [name for name in names if name not in information]
    figure, axes = _panels(1 + bool(information), title, fixed=True)
    _curves(axes[0], history, losses)
    axes[0].set_ylabel("loss")
    if information:
        _curves(axes[1], history, information)
        axes[1].set_ylabel(INFORMATION)
    _save(figure, path)


def information_picture(
    curves: Mapping[str, Sequence[History]], bounds: Mapping[str, Iterable[float]], path: Path | str
) -> None:
    """Draw L_I along training as figure 1 of the InfoGAN paper does, one panel per code.

    curves: the histories of each variant's seeds by label: thin lines, their mean thick.
    bounds: H(c) in nats by code, dashed lines: codes of one name may differ in their variants.

    Raises UserError where the picture cannot be written.
    """
    rows = [row for histories in curves.values() for history in histories for row in history]
    found = dict.fromkeys(name for row in rows for name in row if name.startswith(PREFIX))
    codes = [name.removeprefix(PREFIX) for name in found]
    figure, axes = _panels(max(len(codes), 1), "Lower bound of the mutual information")
    for panel, code in zip(axes, codes, strict=False):
        panel.set_title(printable_caption(code), fontsize=10)
        for number, (label, histories) in enumerate(curves.items()):
            _seeds(panel, histories, PREFIX + code, label, _style(number))
        for bound in bounds.get(code, ()):
            panel.axhline(bound, color="0.3", linestyle=(0, (5, 3)), linewidth=1)
            panel.annotate(
                f"H(c) = {bound:.3f}",
                (0.99, bound),
                xycoords=("axes fraction", "data"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                color="0.3",
            )
            panel.margins(y=0.08)
    axes[0].set_ylabel(INFORMATION)
    _legend(figure, axes)
    _save(figure, path)


def quality_picture(curves: Mapping[str, Sequence[History]], path: Path | str) -> None:
    """Draw quality against images seen and against seconds of training.

    curves: the rows of `curve.jsonl` of each variant's seeds by label: thin lines, their mean
    thick. The metric is the first that is there.

    Raises UserError where the picture cannot be written.
    """
    rows = [row for seeds in curves.values() for history in seeds for row in history]
    metric = next((name for row in rows for name in row if name not in AXES), None)
    if metric is None:
        return
    figure, panels = _panels(2, f"{metric} on the validation split, along training")
    for panel, along in zip(panels, ("images", "seconds"), strict=True):
        panel.set_xlabel({"images": "images seen", "seconds": "seconds of training"}[along])
        for number, (label, histories) in enumerate(curves.items()):
            _seeds(panel, histories, metric, label, _style(number), along)
    panels[0].set_ylabel(printable_caption(metric))
    _legend(figure, panels)
    _save(figure, path)


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    handles = {
        label: handle
        for panel in axes
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False
        )


def _panels(count: int, title: str, fixed: bool = False) -> tuple[Figure, list[Axes]]:
    """fixed: margins of so many inches; to find fitting ones, all would be drawn twice."""
    width, height = max(4.6 * count, 6.0), 3.8
    figure = Figure(figsize=(width, height), layout=None if fixed else "constrained")
    if fixed:
        left, right, bottom, top = 0.75 / width, 0.15 / width, 0.5 / height, 0.45 / height
        figure.subplots_adjust(left, bottom, 1 - right, 1 - top, wspace=0.25)
    figure.suptitle(printable_caption(title), fontsize=11)
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for panel in axes:
        panel.set_xlabel("round")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        panel.grid(color="0.9", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _style(number: int) -> dict[str, Any]:
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": style}


def _curves(panel: Axes, history: History, names: Iterable[str]) -> None:
    for number, name in enumerate(names):
        label = printable_caption(name.removeprefix(PREFIX))
        marker = "o" if len(history) == 1 else ""  # one reading is no line
        points = _points(history, name)
        panel.plot(*points, label=label, linewidth=1.3, marker=marker, **_style(number))
    if panel.lines:
        panel.legend(frameon=False, fontsize=8)


def _seeds(
    panel: Axes,
    histories: Sequence[History],
    name: str,
    label: str,
    style: dict[str, Any],
    along: str = "round",
) -> None:
    points = [_points(history, name, along) for history in histories]
    points = [(places, values) for places, values in points if places.size]
    if not points:
        return
    for places, values in points:
        panel.plot(places, values, linewidth=0.7, alpha=0.45, **style)
    # A mean only where every seed has a number: a seed that ends early must not bend it.
    tables = [
        {
            row["round"]: (row[along], row[name])
            for row in history
            if row.get(name) is not None and row.get(along) is not None
        }
        for history in histories
    ]
    common = sorted(set.intersection(*map(set, filter(None, tables))))
    means = np.array([np.mean([t[place] for t in tables if t], axis=0) for place in common])
    marker = "o" if len(common) == 1 else ""
    panel.plot(
        *means.reshape(-1, 2).T,
        linewidth=2.2,
        marker=marker,
        label=printable_caption(label),
        **style,
    )


def _points(history: History, name: str, along: str = "round") -> tuple[np.ndarray, np.ndarray]:
    """Rounds (or what else is `along` the axis) and values of one name; a null is a gap."""
    pairs = [(row[along], row[name]) for row in history if name in row and along in row]
    rounds = np.array([math.nan if place is None else place for place, _ in pairs], float)
    values = np.array([math.nan if value is None else value for _, value in pairs], float)
    return rounds, values


def _save(figure: Figure, path: Path | str | io.BytesIO) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=130)
    if isinstance(path, io.BytesIO):
        path.write(picture.getvalue())
    else:
        atomic_write(path, picture.getvalue())
