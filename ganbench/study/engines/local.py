"""Engines run trials; the local one runs them in processes, one trial at a time each."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Pipe, wait
from typing import Any, Protocol, Self, TypeVar

from ganbench.core.errors import GanbenchError, UserError, memory_limit
from ganbench.study.engines import worker
from ganbench.study.signals import DeferredSignals

Job = TypeVar("Job")
Result = TypeVar("Result")

ENVIRONMENT = {
    # One trial's arrays come and go at the same sizes: keep freed memory instead of
    # handing it back to the system and faulting it in again (glibc; no effect elsewhere).
    "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
}

GRACE = 2.0
"""Seconds that a worker has to clean up before it is killed."""
LOOK = 0.2
"""Seconds between two looks at signals and at workers that may have died."""


class WorkerDied(Exception):
    """The process of a job ended without an answer."""


def first_party(job: object) -> str:
    """The owner of jobs that run no code but ganbench's own."""
    return ""


class Engine(Protocol):
    """Runs `function` on every job somewhere; yields (job, result or exception) as they end.

    A job's exception never ends the others. Closing the iterator stops what still runs.
    Within a `with` block workers may stay from one run to the next; the outermost one ends them.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *reason: Any) -> None: ...

    def run(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        max_workers: int = 1,
        owner: Callable[[Job], str] = first_party,
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Run all jobs, at most `width` at once; the order of the answers is theirs.

        owner: whose code a job runs, "" for ganbench's own. What one owner's code does to its
        process (modules, patches, settings) reaches no job of another owner.
        """
        ...


def answer_of(
    engine: Engine, function: Callable[[Job], Result], job: Job, owner: str, what: str
) -> Result:
    """What one job in a worker comes to; its exception is raised here.

    owner: whose code it runs. what: for the message.

    Raises GanbenchError where the worker died.
    """
    ((_, answer),) = engine.run(function, [job], 1, lambda _: owner)
    if isinstance(answer, WorkerDied):
        raise GanbenchError(
            f"{what}: {answer}; it ran out of memory (free some, or raise the limit"
            f"{memory_limit()}), or a plug-in's code ended it"
        ) from answer
    if isinstance(answer, BaseException):
        raise answer
    return answer


class LocalProcesses:
    """Worker processes on this machine, with `threads` CPU threads in each.

    One that dies (out of memory, a crash in native code) takes only its own job with it, and all
    of them end with this process, however it ends. Ctrl-C and SIGTERM raise Interrupted where
    the engine waits; workers do not see Ctrl-C. One thread may use an engine at a time.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self.threads = threads
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._signals = DeferredSignals()
        self._entered = 0

    def __enter__(self) -> Self:
        if not self._entered:
            self._signals.__enter__()
        self._entered += 1
        return self

    def __exit__(self, *reason: Any) -> None:
        self._entered -= 1
        if not self._entered:
            try:
                self._end(self._idle + self._busy)
            finally:
                self._signals.__exit__(*reason)

    def run(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        max_workers: int = 1,
        owner: Callable[[Job], str] = first_party,
    ) -> Iterator[tuple[Job, Result | BaseException]]:
        """Run all jobs; yields each with its result, or with the exception that ended it.

        Raises UserError where no process can be started, and Interrupted.
        """
        waiting = deque(jobs)
        busy: list[tuple[_Worker, Job]] = []
        with contextlib.nullcontext() if self._entered else self:
            try:
                ended: list[tuple[Job, Result | BaseException]] = []
                while (waiting or busy or ended) and self._entered:
                    while waiting and len(busy) < max(1, max_workers):
                        self._signals.check()
                        job = waiting.popleft()
                        busy.append((self._ask(function, job, owner(job)), job))
                    yield from ended  # whoever reads them takes his time; the workers work
                    self._signals.check()
                    ended = [(job, self._answer(one)) for one, job in _ready(busy)]
                    busy = [(one, job) for one, job in busy if one in self._busy]
            finally:  # nothing is busy any more, unless it is closed or interrupted
                self._end([one for one, _ in busy])

    def _ask(self, function: Callable[[Job], Result], job: Job, owner: str) -> _Worker:
        """A worker that has the job."""
        work = pickle.dumps((function, job))
        while True:
            found = next((one for one in self._idle if one.owner == owner), None)
            if found:
                self._idle.remove(found)
            else:
                # Memory does not grow with the number of guests.
                self._end([one for one in self._idle if one.owner])
            one = found or _Worker(self.threads, owner)
            self._busy.append(one)
            with contextlib.suppress(OSError):
                one.connection.send_bytes(work)
                return one
            if not found:  # it has died, and its answer says so
                return one
            self._end([one])  # it died while it was idle: no fault of this job

    def _answer(self, one: _Worker) -> Any:
        """The result or the exception of a worker that has answered or died."""
        try:
            if not one.connection.poll():
                raise EOFError
            result, error = pickle.loads(one.connection.recv_bytes())
        except (EOFError, OSError):
            how = one.ended()
            self._end([one])
            return WorkerDied(f"its process ended without an answer{how}")
        except Exception as cause:  # a result that cannot be read here
            result, error = None, cause
        self._busy.remove(one)
        self._idle.append(one)
        return result if error is None else error

    def _end(self, workers: Iterable[_Worker]) -> None:
        """End workers, and forget each only once it has ended."""
        workers = list(workers)
        for one in workers:
            if one in self._busy:  # it may have something half written
                one.process.terminate()
        until = time.monotonic() + GRACE
        for one in workers:
            if one in self._busy:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    one.process.wait(max(0.0, until - time.monotonic()))
            one.close()
            for known in (self._idle, self._busy):
                if one in known:
                    known.remove(one)


class _Worker:
    """A process of `study.engines.worker`, as its parent holds it."""

    def __init__(self, threads: int, owner: str) -> None:
        self.owner = owner
        count = {"OMP_NUM_THREADS": f"{threads}", "MKL_NUM_THREADS": f"{threads}"}
        self.connection, theirs = Pipe()
        life, self._life = os.pipe()
        try:
            # Ctrl-C reaches all processes of a terminal: it is blocked until the worker ignores it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", worker.__file__, f"{life}"],
                    stdin=theirs.fileno(),
                    pass_fds=[life],
                    env={**os.environ, **ENVIRONMENT, **count},
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except OSError as error:
            self.connection.close()
            os.close(self._life)
            raise UserError(f"cannot start a process: {error.strerror or error}") from error
        finally:
            theirs.close()
            os.close(life)
        with contextlib.suppress(OSError):  # it has died, and its first job will say so
            self.connection.send((sys.path, bool(owner)))

    def ended(self) -> str:
        """How the process ended: ` (SIGKILL)`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(GRACE)
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return f" ({name})"
        return ""

    def close(self) -> None:
        """Kill the process, if it is there, and let go of what it was reached by."""
        self.process.kill()
        self.process.wait()
        self.connection.close()
        with contextlib.suppress(OSError):
            os.close(self._life)
            self._life = -1


def _ready(busy: Sequence[tuple[_Worker, Job]]) -> list[tuple[_Worker, Job]]:
    """Those that have answered or died; waits a moment for it."""
    readable = wait([one.connection for one, _ in busy], LOOK) if busy else []
    found = [(one, job) for one, job in busy if one.connection in readable]
    # A child of a guest may hold the connection open: then the process's end is the sign.
    return found or [(one, job) for one, job in busy if one.process.poll() is not None]


def cores() -> int:
    """CPU cores that this process may use: of its affinity and its container's quota."""
    import joblib

    return int(joblib.cpu_count(only_physical_cores=False))


def parse_jobs(jobs: str | int, device: str) -> int:
    """How many trials at once: `auto` is one per usable CPU core, and one on a GPU.

    Raises UserError for anything that is no positive number.
    """
    if jobs == "auto":
        return 1 if device.startswith("cuda") else cores()
    try:
        number = int(jobs)
    except ValueError:
        number = 0
    if number < 1:
        raise UserError(f"jobs {jobs!r}: give auto or a number of at least 1")
    return number
