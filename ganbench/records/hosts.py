"""Hosts: the machine and libraries that decide rounding, and their names in tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ganbench.records.schema import Host

Facts = dict[str, str]
"""What decides on a host how sums are rounded, in words."""

SILENT = {"ganbench", "torch-fidelity"}
"""Packages that no trial computes with: versions of our own arithmetic are counted elsewhere."""
UNKNOWN = "not recorded"


def rounding(host: Host, packages: Mapping[str, str]) -> Facts:
    """What decides how sums are rounded: the machine and its instructions, and who adds up.

    The machine is among them, since libraries choose their kernels by its kind and its caches.
    """
    return {
        "machine": host.machine,
        "os": host.os,
        "capability": host.capability or UNKNOWN,
        "libraries": ", ".join(host.libraries) or UNKNOWN,
        **{f"package {name}": version for name, version in packages.items() if name not in SILENT},
    }


def key(facts: Facts) -> str:
    """Facts as one text, to gather by."""
    return json.dumps(facts, sort_keys=True)


def named(some: Iterable[Facts]) -> dict[str, str]:
    """A name for each of some hosts, by key: its machine, and in what else it differs."""
    hosts = {key(facts): facts for facts in some}
    return {
        own: ", ".join([facts["machine"], *_words(facts, hosts.values())])
        for own, facts in hosts.items()
    }


def differing(facts: Facts, others: Iterable[Facts]) -> list[str]:
    """In what facts differ from some others, in words: `machine AMD EPYC`, `torch 2.14.0`."""
    machine = any(other["machine"] != facts["machine"] for other in others)
    return [f"machine {facts['machine']}"] * machine + _words(facts, others)


def _words(facts: Facts, others: Iterable[Facts]) -> list[str]:
    """All differing facts but the machine."""
    return [
        value if name in ("os", "libraries") else f"{name.removeprefix('package ')} {value}"
        for name, value in facts.items()
        if name != "machine" and any(other.get(name) != value for other in others)
    ]


def collide(by_host: Mapping[str, Iterable[int]]) -> bool:
    """Whether some seed was trained on two hosts, so that their results cannot be pooled."""
    seeds = [seed for some in by_host.values() for seed in set(some)]
    return len(seeds) > len(set(seeds))


def notes(lines: Iterable[tuple[str, Mapping[int, str]]]) -> list[str]:
    """Which seeds of each line are from which host; nothing where there is one host.

    lines: labels, each with the name of each seed's host.
    """
    said: dict[str, list[str]] = {}
    names = set()
    for label, by_seed in lines:
        seeds: dict[str, list[int]] = {}
        for seed, host in sorted(by_seed.items()):
            seeds.setdefault(host, []).append(seed)
        names |= set(seeds)
        parts = [f"{_counted(some)} on {host}" for host, some in seeds.items()]
        said.setdefault("; ".join(parts), []).append(label)
    if len(names) < 2:
        return []
    return [f"{', '.join(dict.fromkeys(labels))}: {text}" for text, labels in said.items()]


def _counted(seeds: list[int]) -> str:
    return f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
