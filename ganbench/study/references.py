"""References of a study: measured once for its data, kept beside its trials."""

from __future__ import annotations

import time
from dataclasses import asdict

import torch

from ganbench.core import environment
from ganbench.evaluate import references
from ganbench.plugins import datasets
from ganbench.records.schema import Host, ReferenceScores, ReferenceSet
from ganbench.records.store import ReferenceDirectory
from ganbench.study.locks import lock
from ganbench.study.rescore import specs_of
from ganbench.study.worker_tasks import ReferencesRequest


def measure(job: ReferencesRequest) -> int:
    """Measure what is missing of the references beside some trials; returns how many scores.

    Raises UserError where the data is not here, or the directory cannot be written.
    """
    torch.set_num_threads(1)
    request = job.request
    settings = request.scoring.settings
    dataset = datasets.load(request.dataset, request.root, request.at)
    kept = ReferenceDirectory(job.place)
    with lock(job.place):
        there = kept.measured(dataset.fingerprint)
        specs = specs_of(request.scoring, dataset)
        keys = {spec.name: settings.key(spec, dataset, request.split) for spec in specs}
        missing = [spec for spec in specs if keys[spec.name] not in there]
        if not missing:
            return 0
        start = time.perf_counter()
        found = references.measure(dataset, request.split, settings, job.device, missing)
        again = {skip.metric for _, one in found for skip in one.skipped if skip.again}
        sets = [
            ReferenceScores(name=name, scores=one.scores, skipped=one.skipped)
            for name, one in found
            if one.scores or one.skipped
        ]
        kept.add(
            ReferenceSet(
                dataset=request.dataset,
                dataset_fingerprint=dataset.fingerprint,
                split=request.split,
                settings=asdict(settings),
                keys=tuple(keys[spec.name] for spec in missing if spec.name not in again),
                references=sets,
                seconds=time.perf_counter() - start,
                host=Host.model_validate(environment.describe(job.device)),
                packages=environment.packages(),
            )
        )
    return sum(len(one.scores) for one in sets)
