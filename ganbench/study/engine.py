"""Engines run trials; the local one runs them in processes, one trial at a time each."""

from __future__ import annotations

import os
import pickle
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

import loky
from loky.backend import resource_tracker

from ganbench.errors import UserError
from ganbench.plugins.blame import carry, located

Job = TypeVar("Job")
Result = TypeVar("Result")

ENVIRONMENT = {
    # One trial's arrays come and go at the same sizes: keep freed memory instead of
    # handing it back to the system and faulting it in again (glibc; no effect elsewhere).
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
    # loky would end a worker that grows by 300 MB after its first job, as leaking: the first job
    # is planning, and the next one loads its data.
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e15",
    # A worker starts by `python -m`: a file copy.py in the user's folder is not the library's.
    "PYTHONSAFEPATH": "1",
}

GRACE = 2.0
"""Seconds that a worker has to clean up before it is killed."""


class Crashed(Exception):
    """The process of a job ended without an answer."""


_parent: int | None = None


class _Ended(BaseException):
    """A worker was told to end: what it leaves half done is cleaned up on the way out."""


def in_worker(function: Callable[[Job], Result], job: Job) -> Result:
    """Run a job in a worker: it dies with its parent, and stdout is the parent's alone."""
    global _parent
    if _parent is None:
        _parent = os.getppid()
        os.dup2(2, 1)
        threading.Thread(target=_die_with, args=(_parent,), daemon=True).start()
    before = signal.signal(signal.SIGTERM, _end)
    try:
        return function(job)
    except _Ended:
        os._exit(1)
    except BaseException as error:
        if _travels(error):
            carry(error)
            raise
        raise RuntimeError(located(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _travels(error: BaseException) -> bool:
    """Whether the parent, which does not know a plug-in's classes, can read an exception.

    One that it cannot read would be told as the death of the worker.
    """
    if type(error).__module__.partition(".")[0] not in ("builtins", "ganbench"):
        return False
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True


def _end(*_: object) -> None:
    raise _Ended


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Engine(Protocol):
    """Runs `function` on every job somewhere; yields (job, result or exception) as they end.

    A job's exception never ends the others. Closing the iterator stops what still runs.
    Within a `with` block workers may stay from one run to the next; the outermost one ends them.
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

    def __init__(self, *, threads: int = 1) -> None:
        self.threads = threads
        self._idle: list[loky.ProcessPoolExecutor] = []
        self._alive: list[loky.ProcessPoolExecutor] = []
        self._lock = threading.Lock()
        self._entered = 0

    def __enter__(self) -> Self:
        self._entered += 1
        return self

    def __exit__(self, *reason: object) -> None:
        self._entered -= 1
        if not self._entered:
            self._shut(self._alive)

    def run(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], width: int = 1
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Run all jobs; yields each with its result, or with the exception that ended it."""
        busy = _Busy()
        futures: dict[Future[Result], Job] = {}
        with ThreadPoolExecutor(max(1, min(width, len(jobs)))) as slots:
            try:
                for job in jobs:
                    futures[slots.submit(self._in_slot, function, job, busy)] = job
                for future in as_completed(futures):
                    error = future.exception()
                    yield futures[future], error if error is not None else future.result()
            finally:  # nothing is busy any more, unless it is closed, or on Ctrl-C
                with self._lock:
                    busy.stopped = True
                for future in futures:
                    future.cancel()
                self._shut(busy.executors if self._entered else self._alive)

    def _in_slot(self, function: Callable[[Job], Result], job: Job, busy: _Busy) -> Result:
        if hasattr(signal, "pthread_sigmask"):
            # Inherited by the worker: only the parent handles Ctrl-C. loky's tracker, which the
            # first worker would start, unblocks the signal, so it comes first.
            resource_tracker.ensure_running()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while True:
            with self._lock:
                if busy.stopped:
                    raise Crashed("stopped before it began")
                reused = bool(self._idle)
                executor = self._idle.pop() if reused else self._start()
                busy.executors.append(executor)
            try:
                future = executor.submit(in_worker, function, job)
                break
            except BrokenProcessPool:  # it died while it was idle: no fault of this job
                with self._lock:
                    if not busy.stopped:
                        busy.executors.remove(executor)
                if not reused:
                    raise Crashed("its process ended before it began") from None
        error = future.exception()
        with self._lock:
            if not busy.stopped:
                busy.executors.remove(executor)
                if not isinstance(error, BrokenProcessPool):
                    self._idle.append(executor)
        if isinstance(error, BrokenProcessPool):
            code = re.search(r"\{(.+?)\}", str(error))
            detail = f" ({code[1]})" if code else ""
            raise Crashed(f"its process ended without an answer{detail}") from error
        return future.result()

    def _start(self) -> loky.ProcessPoolExecutor:
        threads = str(self.threads)
        environment = {**ENVIRONMENT, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        executor = loky.ProcessPoolExecutor(max_workers=1, timeout=None, env=environment)
        self._alive.append(executor)
        return executor

    def _shut(self, executors: Sequence[loky.ProcessPoolExecutor]) -> None:
        """End them, and forget each only once it has ended."""
        executors = list(executors)
        try:
            _terminate([executor for executor in executors if executor not in self._idle])
        finally:
            for executor in executors:
                executor.shutdown(wait=True, kill_workers=True)
                with self._lock:
                    for known in (self._alive, self._idle):
                        if executor in known:
                            known.remove(executor)


@dataclass
class _Busy:
    """The workers that a run has at work, and whether it has been stopped."""

    executors: list[loky.ProcessPoolExecutor] = field(default_factory=list)
    stopped: bool = False


def _terminate(executors: Sequence[loky.ProcessPoolExecutor]) -> None:
    """Ask workers to end, and give them a moment to remove what they have half written."""
    processes = [p for executor in executors for p in dict(executor._processes or {}).values()]
    for process in processes:
        process.terminate()
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(process.is_alive() for process in processes):
        time.sleep(0.02)


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
