"""The layout of a table before any format: sections, blocks, cells and notes.

All its text is printable; each format escapes what it would take for its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ganbench.core import protocol as protocols
from ganbench.core.metric_specs import GROUPS
from ganbench.core.printable import printable
from ganbench.core.protocol import Protocol
from ganbench.evaluate.catalogue import METRICS
from ganbench.records.groups import Group, Row
from ganbench.records.rows import COSTS, SIZES, Comparison

WIDTH = 110
HEADER_WIDTH = 15
LABEL_WIDTH = 40
EMPTY = "—"
ARROWS = {"higher": " ↑", "lower": " ↓", "none": ""}

OTHER = "Other"
BLOCKS = (*dict.fromkeys(GROUPS.values()), OTHER, "Cost")
"""The titles of blocks, in their order."""
PLACES = {name: number for number, name in enumerate((*METRICS, *COSTS))}
"""Where metrics stand in their blocks; those that are not ganbench's stand behind them."""


def block_of(metric: str, group: str) -> str:
    """The block that a metric is shown in; group: of one that is not ganbench's own."""
    if metric in COSTS:
        return "Cost"
    spec = METRICS.get(metric)
    return GROUPS.get(spec.group if spec else group, OTHER)


GENERAL_NOTE = (
    "±: standard deviation over the seeds (n - 1); "
    "95 % t intervals of the mean are in the JSON and CSV forms."
)


@dataclass(frozen=True)
class Column:
    """A metric under one protocol."""

    metric: str
    key: str
    """Of the protocol."""
    protocol: str
    """As people read it."""
    block: str
    name: str
    """The metric with its extractor, and with what else tells it from another column."""
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
class TableGroup:
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


def table_groups(comparison: Comparison) -> list[TableGroup]:
    """The groups of a comparison that have a table each: one data set, one budget."""
    gathered: dict[tuple[str, int], list[Group]] = {}
    for group in comparison.groups:
        key = group.record.dataset_fingerprint, group.budget
        gathered.setdefault(key, []).append(group)
    data = {
        (groups[0].record.dataset, fingerprint) for (fingerprint, _), groups in gathered.items()
    }
    found = []
    for (fingerprint, _), groups in gathered.items():
        dataset = groups[0].record.dataset
        title = _title(groups)
        if sum(name == dataset for name, _ in data) > 1:
            title += f", data {printable(fingerprint[:8])}"
        references = [
            row for row in comparison.references if row.dataset_fingerprint == fingerprint
        ]
        remarks = comparison.notes_on(groups)
        if groups is next(reversed(gathered.values())):
            remarks += comparison.reference_notes
        found.append(TableGroup(title, groups, references, remarks))
    return found


def sections(comparison: Comparison, width: int = WIDTH) -> list[Section]:
    """Lay a comparison out in blocks of at most `width` characters."""
    return [_section(study, width) for study in table_groups(comparison)]


def columns_of(rows: Iterable[Row]) -> list[Column]:
    """The columns of some rows, in the order of the blocks, each with a name of its own."""
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        first.setdefault((row.metric, row.protocol_key), row)

    def place(row: Row) -> tuple[int, int]:
        block = BLOCKS.index(block_of(row.metric, row.group))
        return block, PLACES.get(row.metric, len(PLACES))

    found = sorted(first.values(), key=place)  # stable for those that are not ganbench's
    names = _names(found)
    return [
        Column(
            row.metric,
            row.protocol_key,
            row.protocol_text,
            block_of(row.metric, row.group),
            name,
            row.better,
        )
        for row, name in zip(found, names, strict=True)
    ]


LONGEST_DIFFERENCE = 60
"""Characters of what tells two columns of a metric apart; more is a number instead."""


def _names(rows: Sequence[Row]) -> list[str]:
    """A name for every column: its metric, extractor, and in what it differs from its twins."""
    plain = [_column_name(row) for row in rows]
    names = []
    for row, name in zip(rows, plain, strict=True):
        twins = [other for other, its in zip(rows, plain, strict=True) if its == name]
        facts = _differing(row.protocol, [twin.protocol for twin in twins])
        short = 0 < len(facts) <= LONGEST_DIFFERENCE
        names.append(f"{name} ({facts})" if len(twins) > 1 and short else name)
    numbered = [
        f"{name} [{names[: i + 1].count(name)}]" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
    return [printable(name) for name in numbered]


def _differing(own: Protocol, others: Sequence[Protocol]) -> str:
    """The facts that some other protocols do not share, in words; "" for sentences."""
    if isinstance(own, str):
        return ""
    facts = {
        name: value
        for name, value in own.items()
        if any(isinstance(other, str) or other.get(name) != value for other in others)
    }
    return protocols.sentence(facts)


def _title(groups: Sequence[Group]) -> str:
    """Data set and budget of groups that share them."""
    records = [group.record for group in groups]
    budgets = {(record.rounds, record.batch_size) for record in records}
    title = f"{records[0].dataset}, {groups[0].budget:,} images seen"
    if len(budgets) == 1:
        rounds, batch_size = budgets.pop()
        title += f" ({rounds:,} rounds of {batch_size})"
    return printable(title)


def _section(study: TableGroup, width: int) -> Section:
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
        chosen = [i for i, column in enumerate(columns) if column.block == title]
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


def _column_name(row: Row) -> str:
    if row.metric.startswith("self_"):
        return f"{row.metric} (self-graded)"
    extractor = "" if isinstance(row.protocol, str) else row.protocol.get("extractor")
    return f"{row.metric} ({str(extractor).partition('@')[0]})" if extractor else row.metric


def _seed_count(group: Group) -> str:
    """`3`, or `2/3` where not all finished."""
    finished, all_ = len(group.finished), len(group.trial_results)
    return str(all_) if finished == all_ else f"{finished}/{all_}"


def _cells(rows: list[Row], columns: list[Column], seeds: int | None) -> tuple[str, ...]:
    by_key = {(row.metric, row.beside): row for row in rows}
    found = [by_key.get((column.metric, column.key)) for column in columns]
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


def _notes(study: TableGroup, columns: list[Column]) -> Iterable[str]:
    """The trials that did not finish, skipped metrics by reason, and the protocols.

    A reference's where it is another than its column's: it says of how many images it is.
    """
    groups = study.groups
    for group in groups:
        for record, _, _ in group.trial_results:
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

    named = {(column.metric, column.key): column.name for column in columns}
    others: dict[tuple[str, str], list[str]] = {}
    for row in study.references:
        name = named.get((row.metric, row.beside))
        if name and row.protocol_key != row.beside:
            others.setdefault((row.label, row.protocol_text), []).append(name)
    for (label, protocol), names in others.items():
        yield f"{label}: {', '.join(names)}: {_one_line(protocol)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
