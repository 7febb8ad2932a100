"""ganbench's rounds beside textbook loops of the same networks and losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.peers.cases import CASES, Case, ours
from benchmarks.peers.pairs import DEFAULTS, WORKERS, Side, interleave, middle, ratio
from benchmarks.peers.tutorial import Tutorial


def same_networks(case: Case) -> None:
    """Raises ValueError where the two sides' parameters differ in number or shape."""
    mine, theirs = (
        Counter(tuple(p.shape) for network in networks for p in network.parameters())
        for networks in ([ours(case).model], Tutorial(case).networks())
    )
    if mine != theirs:
        raise ValueError(f"{case.title}: {mine - theirs} here, {theirs - mine} in the textbook")


def measure(names: Sequence[str], pairs: int) -> Iterator[list[str]]:
    """One row per case: titles first."""
    yield [
        *("networks, variant", "textbook ms", "ganbench ms"),
        *("textbook / ganbench, CPU", "wall", "CPU, equal allocator settings", "loader's share"),
    ]
    for name in names:
        case = CASES[name]
        same_networks(case)
        module = ["benchmarks.peers.side", name]
        sides = {
            "textbook": Side([*module, "textbook"], DEFAULTS),
            "ours": Side([*module, "auto"], WORKERS),
            "equal": Side([*module, "textbook"], WORKERS),
            "loader": Side([*module, "loader"], DEFAULTS),
        }
        found = interleave(sides, pairs)
        for side in sides.values():
            side.close()
        textbook, mine = found["textbook"], found["ours"]
        share = ratio(
            [a._replace(cpu=a.cpu - b.cpu) for a, b in zip(found["loader"], textbook, strict=True)],
            found["loader"],
        )
        yield [
            case.title,
            *(f"{middle(side):.2f}" for side in (textbook, mine)),
            *(str(ratio(textbook, mine, clock)) for clock in ("cpu", "wall")),
            str(ratio(found["equal"], mine)),
            f"{share.median:.0%}",
        ]
