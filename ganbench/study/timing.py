"""What a training step costs: `ganbench time`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ganbench import data
from ganbench.errors import UserError
from ganbench.study import host
from ganbench.study.engine import Crashed, LocalProcesses
from ganbench.study.plan import Trial, plan
from ganbench.study.trial import start

WARM_UP = 30
MEASURED = 300
SECONDS = 10.0


def measure(trial: Trial) -> dict[str, Any]:
    """Time a trial's rounds after a warm-up, alone in this process.

    Up to 300 rounds or about 10 s, whichever comes first, at least 10. `ms_per_round` is
    the median of single rounds; `images_per_second` counts real images over the whole
    measured time.
    """
    torch.set_num_threads(trial.threads)
    trainer = start(trial, data.load(trial.dataset, trial.data_root))
    flops = trainer.rehearse()
    host.reset_peak_memory(trial.device)
    trainer.play(WARM_UP)
    warm = trainer.stopwatch.read()
    warm_rounds, seen = len(warm), trainer.images_seen
    expected = statistics.median(warm) / 1e3
    rounds = max(10, min(MEASURED, int(SECONDS / expected)))
    trainer.play(rounds)
    durations = trainer.stopwatch.read()[warm_rounds:]
    deciles = statistics.quantiles(durations, n=10)
    seconds = sum(durations) / 1e3
    return {
        "variant": trial.variant,
        "hyperparameters": trial.changed,
        "dataset": trial.dataset,
        "device": trial.device,
        "machine": host.machine(trial.device),
        "threads": trial.threads,
        "batch_size": trial.batch_size,
        "rounds": rounds,
        "ms_per_round": statistics.median(durations),
        "ms_per_round_p10": deciles[0],
        "ms_per_round_p90": deciles[8],
        "images_per_second": (trainer.images_seen - seen) / seconds,
        "rounds_per_second": rounds / seconds,
        "flops_per_round": flops,
        "gflops_per_second": flops * rounds / seconds / 1e9,
        "parameters": sum(p.numel() for p in trainer.game.parameters()),
        "peak_memory_mb": host.peak_memory_mb(trial.device),
    }


def time_variants(
    specs: Sequence[str],
    *,
    dataset: str = "digits",
    batch_size: int | None = None,
    device: str = "auto",
    data_root: Path | None = None,
) -> list[dict[str, Any]]:
    """Time each variant's training round, one after the other, each in a process of its own.

    On a CPU a trial has one thread, as in `ganbench run`.

    Raises UserError for a user's mistake, and where a variant cannot be timed.
    """
    trials = plan(
        specs, dataset=dataset, seeds=1, batch_size=batch_size, device=device, data_root=data_root
    )
    rows = []
    for trial in trials:
        for _, answer in LocalProcesses(1).run(measure, [trial]):
            if isinstance(answer, Crashed | Exception):
                raise UserError(f"cannot time {trial.label}: {answer}") from answer
            assert isinstance(answer, dict)
            rows.append(answer)
    return rows
