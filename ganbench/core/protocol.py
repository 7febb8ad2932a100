"""Protocols: the facts under which a number was measured, their key, and their sentence.

A protocol is a flat JSON object. Numbers are pooled, ranked and put into one column where the
keys of their protocols are equal; the sentence is for people, and rewording it moves nothing.
Records of schema 1 hold a sentence alone: there it is the whole identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]
"""Names to text, numbers, truth values, None, or lists of these."""
Protocol = Facts | str

PHRASES: Mapping[str, str] = {
    "self_graded": "self-graded",
    "extractor": "{}",
    "reads": "reads {}",
    "probe_pairs": "fresh probe of {} training pairs",
    "probe_test_pairs": "{} test pairs",
    "probe_steps": "{} steps",
    "noise": "noise sigma {}",
    "clustering": "{}",
    "clusters": "{} clusters",
    "predictor": "{}",
    "classifier_steps": "fresh classifier of {} steps",
    "categories_by": "categories by {}",
    "codes": "{} codes",
    "codes_by": "codes by {}",
    "classes_by": "classes by {}",
    "posterior_by": "posterior by {}",
    "scores_by": "scores by {}",
    "components": "{} components",
    "components_training": "fitted on {} training images",
    "outputs": "{} outputs",
    "generated": "{} generated",
    "held_out_shown": "{} held-out real images shown",
    "training_shown": "{} training images shown",
    "blur": "blurred (sigma {})",
    "per_class": "{} of each class",
    "held_out": "{} held-out real images",
    "training": "{} training images",
    "training_of": "of {} in all",
    "mapping": "{} mapping fitted on training images",
    "votes": "{} training votes",
    "test_votes": "{} test votes",
    "images_per_vote": "of {} images",
    "rendered": "rendered images",
    "factors": "factors {}",
    "factors_are": "which are {}",
    "within": "within {}",
    "attacks": "mean over {}",
    "epsilon": "at most {} a pixel",
    "pgd_steps": "PGD of {} steps from a random start",
    "attack_noise": "noise sigma {}",
    "attack_blur": "blur sigma {} pixels",
    "storage": "{}",
    "dtype": "{}",
    "kernel": "{} kernel",
    "sigma": "sigma {}",
    "estimator": "{} estimate",
    "scaled_to": "of {}",
    "splits": "{} split",
    "modes": "{} modes",
    "within_std": "high quality within {} std",
    "k": "k = {}",
    "bins": "{} bins",
    "quantiles": "quantiles {}",
    "entropy": "at most H(c) = {}",
    "curve": "{}",
    "along": "over {} of training",
    "evaluations": "{} evaluations",
    "rounds": "rounds {}",
    "counted": "{}",
    "device": "{}",
    "machine": "{}",
    "threads": "threads: {}",
    "trials_at_once": "trials at once: {}",
    "cuda_graphs": "CUDA graphs",
    "digest": "source {}",
    "version": "version {}",
    "split": "{} split",
}
"""How a fact is said, by its name, in the order of a sentence; `{}` stands for its value. A name
that is not here is said as it is, with its value behind it."""


def key(protocol: Protocol) -> str:
    """SHA-256, 16 hex digits, of a protocol; the order of its facts does not matter."""
    text = json.dumps(protocol, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


USUAL: Facts = {"version": 1, "split": "test"}
"""Facts that are not said where they are as usual."""


def sentence(protocol: Protocol) -> str:
    """A protocol in words. One that is a sentence already stays as it is.

    A fact that is None, False or "", or as usual, is left out.
    """
    if isinstance(protocol, str):
        return protocol
    names = [*(name for name in PHRASES if name in protocol), *sorted(set(protocol) - set(PHRASES))]
    return ", ".join(
        _said(name, protocol[name])
        for name in names
        if protocol[name] not in (None, "", USUAL.get(name)) and protocol[name] is not False
    )


def _said(name: str, value: Any) -> str:
    if name in PHRASES:
        return PHRASES[name].format(_shown(value))
    words = name.replace("_", " ")
    return words if value is True else f"{words} {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
