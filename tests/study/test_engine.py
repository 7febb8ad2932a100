"""The local engine: parallel, and a job that dies takes only itself along."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from ganbench.errors import UserError
from ganbench.study.engine import Crashed, LocalProcesses, parse_jobs


def square(n: int) -> int:
    return n * n


def misbehave(n: int) -> int:
    if n == 1:
        raise ValueError("one is bad")
    if n == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def environment(name: str) -> str | None:
    return os.environ.get(name)


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def pid(_: int) -> int:
    return os.getpid()


def answers(function: Callable[[int], int], jobs: list[int]) -> dict[int, object]:
    with LocalProcesses() as engine:
        return dict(engine.run(function, jobs, 2))


def test_workers_stay_from_one_run_to_the_next_and_end_with_the_block() -> None:
    with LocalProcesses() as engine:
        ((_, first),) = engine.run(pid, [0])
        ((_, error),) = engine.run(misbehave, [1])
        ((_, second),) = engine.run(pid, [0])
        assert isinstance(error, ValueError)
        assert first == second
        list(engine.run(misbehave, [2]))
        ((_, third),) = engine.run(pid, [0])
        assert third != first, "a worker that died is not asked again"
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(third)), 0)
    with engine:
        ((_, fourth),) = engine.run(pid, [0])
    assert fourth not in (first, third)


def test_all_jobs_are_answered() -> None:
    assert answers(square, [1, 2, 3, 4]) == {1: 1, 2: 4, 3: 9, 4: 16}


def test_errors_and_deaths_stay_with_their_job() -> None:
    found = answers(misbehave, [0, 1, 2, 3, 4])
    assert [found[n] for n in (0, 3, 4)] == [0, 3, 4]
    assert isinstance(found[1], ValueError)
    assert isinstance(found[2], Crashed)
    assert "ended without an answer" in str(found[2])


def test_workers_get_their_threads_and_allocator_settings() -> None:
    names = ["OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"]
    with LocalProcesses(threads=3) as engine:
        found = dict(engine.run(environment, names))
    assert found == {"OMP_NUM_THREADS": "3", "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def test_closing_ends_what_runs() -> None:
    started = time.monotonic()
    answers = LocalProcesses().run(sleep, [0.01, 300.0, 300.0], 2)
    assert next(answers)[0] == 0.01
    answers.close()
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5"])
def test_bad_numbers_of_jobs(jobs: str) -> None:
    with pytest.raises(UserError, match="jobs"):
        parse_jobs(jobs, "cpu")


def test_auto_jobs() -> None:
    assert parse_jobs("auto", "cuda:0") == 1
    assert parse_jobs("auto", "cpu") >= 1
    assert parse_jobs(3, "cpu") == 3


def test_engines_are_of_one_shape() -> None:
    from ganbench.study.engine import Engine

    engine: Engine = LocalProcesses()
    run: Callable = engine.run
    assert callable(run)
