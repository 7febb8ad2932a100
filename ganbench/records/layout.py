"""What a table says, before any format: sections of blocks of cells, and the notes below.

All its text is printable; each format escapes what it would take for its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ganbench.printable import printable
from ganbench.records.groups import Group, Row
from ganbench.records.rows import COSTS, SIZES, Comparison

WIDTH = 110
HEADER_WIDTH = 15
LABEL_WIDTH = 40
EMPTY = "—"
ARROWS = {"higher": " ↑", "lower": " ↓", "none": ""}

BLOCKS: dict[str, tuple[str, ...]] = {
    "Quality": (
        "fid",
        "kid",
        "fd_dinov2",
        "cmmd",
        "inception_score",
        "precision",
        "recall",
        "density",
        "coverage",
        "conditional_accuracy",
        "classification_accuracy_score",
        "auxiliary_accuracy",
        "test_error",
        "intra_class_diversity",
    ),
    "Modes": (
        "modes_captured",
        "high_quality",
        "reverse_kl",
        "stacked_modes_captured",
        "stacked_modes_kl",
    ),
    "Codes": (
        "code_recovery",
        "code_recovery_clean",
        "code_recovery_continuous",
        "code_recovery_continuous_clean",
        "self_code_recovery",
        "self_code_recovery_continuous",
        "mutual_information_bound",
        "mutual_information_bound_continuous",
    ),
    "Real images": (
        "cluster_accuracy",
        "nmi",
        "ari",
        "representation_cluster_accuracy",
        "within_category_correlation",
    ),
    "Disentanglement": (
        "mig",
        "modularity",
        "irs",
        "dci_disentanglement",
        "dci_completeness",
        "dci_informativeness",
        "sap",
        "explicitness",
        "factor_vae_score",
        "beta_vae_score",
    ),
    "Memorisation and robustness": (
        "memorisation_ratio",
        "memorisation_copies",
        "pixel_js",
        "feature_js",
        "real_fake_auc",
        "attacked_accuracy",
        "attacked_auc",
    ),
    "Other": (),
    "Cost": tuple(COSTS),
}
BLOCK_OF = {metric: title for title, metrics in BLOCKS.items() for metric in metrics}

GENERAL_NOTE = (
    "±: standard deviation over the seeds (n - 1); "
    "95 % t intervals of the mean are in the JSON and CSV forms."
)


@dataclass(frozen=True)
class Column:
    """A metric under one protocol."""

    metric: str
    protocol: str
    name: str
    """The metric with its extractor, or a number where only the protocol tells two apart."""
    better: str

    @property
    def title(self) -> str:
        """The header: name and arrow."""
        return self.name + ARROWS[self.better]

    @property
    def title_lines(self) -> list[str]:
        """The header broken after underscores and spaces."""
        lines = [""]
        for piece in re.findall(r"[^_ ]*[_ ]|[^_ ]+", self.name):
            if lines[-1] and len((lines[-1] + piece).rstrip()) > HEADER_WIDTH:
                lines.append("")
            lines[-1] += piece
        return [line.rstrip() for line in lines[:-1]] + [lines[-1].rstrip() + ARROWS[self.better]]


@dataclass(frozen=True)
class Study:
    """Groups that may be compared (one data set, one budget) and what stands beside them."""

    title: str
    groups: list[Group]
    references: list[Row]
    remarks: list[str]
    """Of hosts, and of what was left out."""

    @property
    def columns(self) -> list[Column]:
        """The metrics that its groups have, in the order of the blocks."""
        return columns_of(row for group in self.groups for row in group.rows)


@dataclass(frozen=True)
class Line:
    """A variant (or reference), how many of its seeds finished, and its cells."""

    label: str
    seeds: str
    cells: tuple[str, ...]
    reference: bool = False


@dataclass(frozen=True)
class Block:
    """A few columns that fit one width."""

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]

    @property
    def variants(self) -> list[Line]:
        """The lines of the variants."""
        return [line for line in self.lines if not line.reference]

    @property
    def references(self) -> list[Line]:
        """The lines that stand beside the variants."""
        return [line for line in self.lines if line.reference]


@dataclass(frozen=True)
class Section:
    """What may be compared: one data set, one budget."""

    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]


def studies(comparison: Comparison) -> list[Study]:
    """The parts of a comparison between which nothing is compared."""
    gathered: dict[tuple[str, str, int], list[Group]] = {}
    for group in comparison.groups:
        key = group.record.dataset, group.record.dataset_fingerprint, group.budget
        gathered.setdefault(key, []).append(group)
    data = {(dataset, fingerprint) for dataset, fingerprint, _ in gathered}
    found = []
    for (dataset, fingerprint, _), groups in gathered.items():
        title = _title(groups)
        if sum(name == dataset for name, _ in data) > 1:
            title += f", data {printable(fingerprint[:8])}"
        references = [
            row
            for row in comparison.references
            if (row.dataset, row.dataset_fingerprint) == (dataset, fingerprint)
        ]
        remarks = comparison.notes_on(groups)
        if groups is next(reversed(gathered.values())):
            remarks += comparison.reference_notes
        found.append(Study(title, groups, references, remarks))
    return found


def sections(comparison: Comparison, width: int = WIDTH) -> list[Section]:
    """Lay a comparison out in blocks of at most `width` characters."""
    return [_section(study, width) for study in studies(comparison)]


def columns_of(rows: Iterable[Row]) -> list[Column]:
    """The columns of some rows, in the order of the blocks, each with a name of its own."""
    better: dict[tuple[str, str], str] = {}
    for row in rows:
        better.setdefault((row.metric, row.protocol), row.better)
    order = [metric for metrics in BLOCKS.values() for metric in metrics]
    place = {metric: number for number, metric in enumerate(order)}
    other = place[BLOCKS["Cost"][0]] - 0.5
    keys = sorted(better, key=lambda key: place.get(key[0], other))  # stable for the unknown
    plain = [printable(_column_name(*key)) for key in keys]
    names = [
        f"{name} [{plain[: i + 1].count(name)}]" if plain.count(name) > 1 else name
        for i, name in enumerate(plain)
    ]
    return [Column(*key, name, better[key]) for key, name in zip(keys, names, strict=True)]


def _title(groups: Sequence[Group]) -> str:
    """Data set and budget of groups that share them."""
    records = [group.record for group in groups]
    budgets = {(record.rounds, record.batch_size) for record in records}
    title = f"{records[0].dataset}, {groups[0].budget:,} images seen"
    if len(budgets) == 1:
        rounds, batch_size = budgets.pop()
        title += f" ({rounds:,} rounds of {batch_size})"
    return printable(title)


def _section(study: Study, width: int) -> Section:
    groups, columns = study.groups, study.columns
    lines = [
        Line(
            printable(group.label),
            _seed_count(group),
            _cells(group.rows, columns, len(group.finished)),
        )
        for group in groups
    ]
    for name in dict.fromkeys(row.label for row in study.references):
        rows = [row for row in study.references if row.label == name]
        lines.append(Line(printable(name), "", _cells(rows, columns, None), reference=True))

    blocks = []
    for title in BLOCKS:
        chosen = [i for i, c in enumerate(columns) if BLOCK_OF.get(c.metric, "Other") == title]
        for number, part in enumerate(_packed(chosen, columns, lines, width)):
            shown = [replace(line, cells=tuple(line.cells[i] for i in part)) for line in lines]
            kept = (line for line, whole in zip(shown, lines, strict=True) if _says(line, whole))
            name = title + " (continued)" * (number > 0)
            blocks.append(Block(name, tuple(columns[i] for i in part), tuple(kept)))
    if not blocks:  # nothing finished: the variants are shown all the same
        blocks.append(Block("Trials", (), tuple(line for line in lines if not line.reference)))
    notes = map(printable, (*_notes(study, columns), *study.remarks))
    return Section(study.title, tuple(blocks), tuple(notes))


def _says(line: Line, whole: Line) -> bool:
    """Whether a line has a number among these cells; a variant without any says that."""
    alone = not line.reference and set(whole.cells) == {EMPTY}
    return alone or set(line.cells) != {EMPTY}


def _column_name(metric: str, protocol: str) -> str:
    if metric.startswith("self_"):
        return f"{metric} (self-graded)"
    extractor = re.search(r"([\w.+-]+)@[0-9a-f]{4,}", protocol)
    return f"{metric} ({extractor[1]})" if extractor else metric


def _seed_count(group: Group) -> str:
    """`3`, or `2/3` where not all finished."""
    finished, all_ = len(group.finished), len(group.outcomes)
    return str(all_) if finished == all_ else f"{finished}/{all_}"


def _cells(rows: list[Row], columns: list[Column], seeds: int | None) -> tuple[str, ...]:
    by_key = {(row.metric, row.beside): row for row in rows}
    found = [by_key.get((column.metric, column.protocol)) for column in columns]
    return tuple(EMPTY if row is None else cell(row, seeds) for row in found)


def cell(row: Row, seeds: int | None = None) -> str:
    """`mean ± std` of a row; says its n where that is not the number of `seeds`."""
    scale = max(abs(row.mean), row.std or 0.0)
    text = number(row.mean, scale)
    if row.std is not None and (row.std or row.metric not in SIZES):
        text += " ± " + number(row.std, scale)
    return text if seeds in (None, row.n) else f"{text} (n={row.n})"


def number(value: float, scale: float) -> str:
    """A number with the digits that suit `scale`: about three, and never more than it has."""
    if scale == 0:
        return "0"
    magnitude = math.ceil(math.log10(scale)) - 1  # 1 like 0.999, for a column of accuracies
    if magnitude >= 7 or magnitude < -3:
        # A power of ten as a float would be 0 where the number is almost.
        return f"{Decimal(value).scaleb(-magnitude):.2f}e{magnitude}"
    return f"{value:,.{min(max(2 - magnitude, 0), 4)}f}"


def _packed(
    chosen: list[int], columns: list[Column], lines: list[Line], width: int
) -> list[list[int]]:
    """Columns in as few parts of like length as fit the width."""
    shown = [one for one in lines if any(one.cells[i] != EMPTY for i in chosen)]
    label = min(max((len(line.label) for line in shown), default=0), LABEL_WIDTH)
    room = width - label - 10  # the seeds, and the space around both
    widths = [
        2 + max(map(len, [*columns[i].title_lines, *(line.cells[i] for line in lines)]))
        for i in chosen
    ]
    for size in sorted({math.ceil(len(chosen) / n) for n in range(1, len(chosen) + 1)})[::-1]:
        starts = range(0, len(chosen), size)
        if size == 1 or all(sum(widths[start : start + size]) <= room for start in starts):
            return [chosen[start : start + size] for start in starts]
    return []


def _notes(study: Study, columns: list[Column]) -> Iterable[str]:
    """The trials that did not finish, skipped metrics by reason, and the protocols.

    A reference's where it is another than its column's: it says of how many images it is.
    """
    groups = study.groups
    for group in groups:
        for record, _, _ in group.outcomes:
            if record.status != "finished":
                reason = _one_line(record.reason or "no reason was recorded")
                yield f"{group.label} seed {record.seed}: {record.status}: {reason}"

    reasons: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        for skip in group.skipped:
            who = group.label
            if len(skip.seeds) < len(group.finished):
                who += f" (seed {', '.join(map(str, skip.seeds))})"
            reasons.setdefault((who, skip.reason), []).append(skip.metric)
    merged: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (who, reason), metrics in reasons.items():
        merged.setdefault((reason, tuple(metrics)), []).append(who)
    for (reason, skipped), labels in merged.items():
        yield f"{EMPTY} {', '.join(labels)}: {_one_line(reason)}: {', '.join(skipped)}"

    protocols: dict[str, list[str]] = {}
    for column in columns:
        protocols.setdefault(column.protocol, []).append(column.name)
    for protocol, names in protocols.items():
        yield f"{', '.join(names)}: {_one_line(protocol)}"

    named = {(column.metric, column.protocol): column.name for column in columns}
    others: dict[tuple[str, str], list[str]] = {}
    for row in study.references:
        name = named.get((row.metric, row.beside))
        if name and row.protocol != row.beside:
            others.setdefault((row.label, row.protocol), []).append(name)
    for (label, protocol), names in others.items():
        yield f"{label}: {', '.join(names)}: {_one_line(protocol)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
