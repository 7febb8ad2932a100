"""Engines run trials; the local one runs them in processes, one trial at a time each."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, Self, TypeVar

import loky
from loky.backend import resource_tracker

from ganbench.errors import UserError

Job = TypeVar("Job")
Result = TypeVar("Result")

ENVIRONMENT = {
    # One trial's arrays come and go at the same sizes: keep freed memory instead of
    # handing it back to the system and faulting it in again (glibc; no effect elsewhere).
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
    # A worker starts by `python -m`: a file copy.py in the user's folder is not the library's.
    "PYTHONSAFEPATH": "1",
}


class Crashed(Exception):
    """The process of a job ended without an answer."""


_parent: int | None = None


def in_worker(function: Callable[[Job], Result], job: Job) -> Result:
    """Run a job in a worker: it dies with its parent, and stdout is the parent's alone."""
    global _parent
    if _parent is None:
        _parent = os.getppid()
        os.dup2(2, 1)
        threading.Thread(target=_die_with, args=(_parent,), daemon=True).start()
    return function(job)


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Engine(Protocol):
    """Runs `function` on every job somewhere; yields (job, result or exception) as they end.

    A job's exception never ends the others. Closing the iterator stops what still runs.
    Within a `with` block workers may stay from one run to the next; its end ends them.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *reason: object) -> None: ...

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], width: int = 1
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Run all jobs, at most `width` at once; the order of the answers is theirs."""
        ...


class LocalProcesses:
    """Worker processes on this machine, with `threads` CPU threads in each.

    Each worker is an executor of its own, so one that dies (out of memory, a crash in native
    code) takes only its own job with it. Workers do not see Ctrl-C; the parent ends them.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._idle: list[loky.ProcessPoolExecutor] = []
        self._started: list[loky.ProcessPoolExecutor] = []
        self._lock = threading.Lock()
        self._stopped = False

    def __enter__(self) -> Self:
        self._stopped = False
        return self

    def __exit__(self, *reason: object) -> None:
        self._stop()

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], width: int = 1
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Run all jobs; yields each with its result, or with the exception that ended it."""
        slots = ThreadPoolExecutor(max(1, min(width, len(jobs))))
        futures: dict[Future[Result], Job] = {
            slots.submit(self._in_slot, function, job): job for job in jobs
        }
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], error if error is not None else future.result()
        except BaseException:  # closed, or Ctrl-C: what still runs must not keep the slots
            self._stop()
            raise
        finally:
            slots.shutdown(wait=True, cancel_futures=True)

    def _in_slot(self, function: Callable[[Job], Result], job: Job) -> Result:
        if hasattr(signal, "pthread_sigmask"):
            # Inherited by the worker: only the parent handles Ctrl-C. loky's tracker, which the
            # first worker would start, unblocks the signal, so it comes first.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        with self._lock:
            if self._stopped:
                raise Crashed("stopped before it began")
            executor = self._idle.pop() if self._idle else self._start()
        try:
            return executor.submit(in_worker, function, job).result()
        except BrokenProcessPool as error:
            executor = None
            code = re.search(r"\{(.+?)\}", str(error))
            detail = f" ({code[1]})" if code else ""
            raise Crashed(f"its process ended without an answer{detail}") from error
        finally:
            if executor:
                self._idle.append(executor)

    def _start(self) -> loky.ProcessPoolExecutor:
        threads = str(self.threads)
        environment = {**ENVIRONMENT, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        executor = loky.ProcessPoolExecutor(max_workers=1, timeout=None, env=environment)
        self._started.append(executor)
        return executor

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            executors, self._started, self._idle = self._started, [], []
        for executor in executors:
            executor.shutdown(wait=True, kill_workers=True)


def parse_jobs(jobs: str | int, device: str) -> int:
    """How many trials at once: `auto` is one per usable CPU core, and one on a GPU.

    Raises UserError for anything that is no positive number.
    """
    if jobs == "auto":
        return 1 if device.startswith("cuda") else int(loky.cpu_count(only_physical_cores=False))
    try:
        number = int(jobs)
    except ValueError:
        number = 0
    if number < 1:
        raise UserError(f"jobs {jobs!r}: give auto or a number of at least 1")
    return number
