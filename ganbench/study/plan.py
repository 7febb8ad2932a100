"""From a command to trials: every choice resolved and checked before anything runs.

Imports no torch, and runs nobody's code: what only code and data can tell is asked of
`study.resolve`, in the processes that the caller has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ganbench import data
from ganbench.errors import UserError, within
from ganbench.evaluate.catalogue import chosen
from ganbench.evaluate.settings import Settings
from ganbench.plugins import registry
from ganbench.study import jobs
from ganbench.study.jobs import DataAsked, Reading, Rehearsal, Spec, Wanted
from ganbench.study.trial import Trial, digest_of
from ganbench.train.modes import Execution

Job = TypeVar("Job")
Answer = TypeVar("Answer")

MOST_SEEDS = 10_000
LARGEST_SEED = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""
MOST_ROUNDS = 10**9

SUPERVISED_ONLY = "supervised_only"
"""The hyperparameter, false by default, by which a variant says that it is semi-supervised."""


class Ask(Protocol):
    """Runs a function on a job in a process of its owner's, and gives its answer or raises."""

    def __call__(self, function: Callable[[Job], Answer], job: Job, owner: str) -> Answer:
        """Run it. owner: whose code it runs, see `registry.owner`."""
        ...


def here(function: Callable[[Job], Answer], job: Job, owner: str) -> Answer:
    """Run a function in this very process."""
    return function(job)


def parse_seeds(text: str | int | Sequence[int]) -> list[int]:
    """`3` means seeds 0, 1, 2; `4,7` (or a sequence) names them.

    Raises UserError for no seeds or too many, repeated, negative, too large or unreadable ones.
    """
    try:
        if isinstance(text, str) and "," in text:
            seeds = [int(piece) for piece in text.split(",") if piece.strip()]
        elif isinstance(text, str | int):
            seeds = list(range(min(int(text), MOST_SEEDS + 1)))
        else:
            seeds = [int(seed) for seed in text]
    except (ValueError, TypeError):
        raise UserError(f"seeds {text!r}: give a count (3) or a list (4,7)") from None
    if not seeds:
        raise UserError(f"seeds {text!r}: at least one seed is needed")
    if len(seeds) > MOST_SEEDS or max(seeds) > LARGEST_SEED:
        raise UserError(
            f"seeds {text!r}: at most {MOST_SEEDS:,} of them, and none above {LARGEST_SEED:,}"
        )
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds {text!r}: seeds must be different and not negative")
    return seeds


def plan(
    specs: Sequence[str],
    *,
    dataset: str = "digits",
    seeds: str | int | Sequence[int] = 3,
    rounds: int | None = None,
    batch_size: int | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    data_root: Path | None = None,
    results: Path = Path("results"),
    labels: str | int | None = None,
    evaluation: Settings | None = None,
    eval_every: int | None = None,
    eval_metrics: Sequence[str] | None = None,
    execution: Execution | None = None,
    tell: Callable[[str], None] = lambda line: None,
    ask: Ask = here,
) -> list[Trial]:
    """Resolve a command into trials: variants in the order given, seeds within each.

    `rounds` is the budget of a variant that reads one batch of real images per round; one
    that reads k (`d_steps=k`) plays rounds / k, so that all see the same number of images.

    `labels` is a label budget: `100` in all, or `250/class`. Variants that read no labels are
    the same trials with and without it. One that reads them and has a hyperparameter
    `supervised_only` is followed by itself on the labelled images alone, as its reference.

    `evaluation` is how final models are scored; it is no part of a trial's identity.
    `eval_every` rounds, `eval_metrics` are measured on the validation split along training;
    since that leaves other files, such a trial has an identity of its own.

    `execution` is how rounds are executed; it is part of the identity where it moves the rounding.

    `tell` hears of specs that are the same trials as another's, and of those added. `ask` runs
    what needs a variant's code or the data.

    Raises UserError for everything that can be known to be wrong before training.
    """
    wrong = [spec for spec in specs if not isinstance(spec, str)]
    if wrong:
        raise UserError(f"{wrong[0]!r}: a variant is named by text: NAME, FILE.py or MODULE:Class")
    if not specs:
        raise UserError("name at least one variant, e.g. ganbench run infogan acgan")
    source = data.source(dataset)
    numbers = parse_seeds(seeds)
    budget = rounds if rounds is not None else source.rounds
    size = batch_size if batch_size is not None else source.batch_size
    within("rounds", budget, 1, MOST_ROUNDS)
    within("batch size", size, 2, MOST_ROUNDS)
    if eval_every is not None and not 1 <= eval_every <= budget:
        raise UserError(f"eval-every {eval_every}: must be from 1 to the {budget} rounds")
    if eval_metrics is not None:
        named = [m for name in eval_metrics for m in chosen([name])]
        eval_metrics = tuple(dict.fromkeys(named))  # in the order given: the first one chooses
        if eval_every is None:
            raise UserError("eval-metrics are for --eval-every N: give the rounds between two")
    owners = [registry.owner(registry.parse(spec)[0]) for spec in specs]
    asked = [
        ask(jobs.resolve, Wanted(spec, settings or {}, source.recipe), owner)
        for spec, owner in zip(specs, owners, strict=True)
    ]
    evaluation = evaluation or Settings()
    execution = execution or Execution()
    wanted = DataAsked(dataset, data_root, labels, size, device, execution, evaluation)
    loaded = ask(jobs.look_at_data, wanted, "")
    for line in loaded.notices:
        tell(f"warning: {line}")
    plays: list[tuple[Spec, Reading]] = []
    for spec, owner in zip(asked, owners, strict=True):
        read, idle = ask(jobs.rehearse, Rehearsal(spec, loaded), owner)
        plays.append((spec, read))
        if idle:
            tell(f"{spec.label}: nothing in it reads {', '.join(idle)}; the row is another in name")
        fewer = labels is not None and plays[-1][1].labels
        if fewer and (only := _supervised_only(spec, asked)):
            tell(f"added {only.label}: what the labelled images alone are worth")
            plays.append((only, ask(jobs.rehearse, Rehearsal(only, loaded), owner).reading))
    if labels is not None and not any(read.labels for _, read in plays):
        names = ", ".join(dict.fromkeys(spec.label for spec in asked))
        raise UserError(f"labels {labels}: no variant here reads labels ({names})")
    trials: dict[str, Trial] = {}
    for spec, read in plays:
        own_rounds = max(1, round(budget / read.batches))
        limited = loaded.allowed is not None and read.labels
        own_labels = str(loaded.allowed) if limited else None
        for seed in numbers:
            facts: dict[str, Any] = {
                "data": [dataset, loaded.fingerprint],
                "variant": spec.digest,
                "hyperparameters": spec.resolved,
                "seed": seed,
                "rounds": own_rounds,
                "batch_size": size,
                "device": loaded.device.partition(":")[0],
                "numerics": loaded.numerics,
            }
            if own_labels:  # only then: trials without a budget keep their identity
                facts["labels"] = own_labels
            if loaded.arithmetic:
                facts["arithmetic"] = loaded.arithmetic
            own_every = max(1, round(eval_every / read.batches)) if eval_every else None
            if own_every:
                facts["evaluations"] = [own_every, eval_metrics]
            identity = digest_of(facts)
            known = trials.get(identity)
            if known:
                if seed == numbers[0] and known.label != spec.label:
                    tell(f"{spec.label} is the same as {known.label}")
                continue
            trials[identity] = Trial(
                variant=spec.reference,
                source=spec.source,
                source_digest=spec.digest,
                changed=spec.changed,
                hyperparameters=spec.resolved,
                dataset=dataset,
                data_root=data_root,
                dataset_fingerprint=loaded.fingerprint,
                seed=seed,
                rounds=own_rounds,
                batch_size=size,
                device=loaded.device,
                identity=identity,
                results=results,
                shape=loaded.shape,
                classes=loaded.classes,
                labels=own_labels,
                evaluation=evaluation,
                protocol_id=loaded.protocol_id,
                eval_every=own_every,
                eval_metrics=eval_metrics,
                execution=loaded.execution,
            )
    return list(trials.values())


def _supervised_only(spec: Spec, asked: Sequence[Spec]) -> Spec | None:
    """A semi-supervised spec on its labelled images alone, unless that was asked for."""
    if spec.resolved.get(SUPERVISED_ONLY) is not False:
        return None
    resolved = spec.resolved | {SUPERVISED_ONLY: True}
    named = {*spec.changed, SUPERVISED_ONLY}
    changed = {name: value for name, value in resolved.items() if name in named}
    if any((one.digest, one.resolved) == (spec.digest, resolved) for one in asked):
        return None
    return replace(spec, changed=changed, resolved=resolved)
