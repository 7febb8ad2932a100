"""The local engine: parallel, and a job that dies takes only itself along."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganbench.core.errors import UserError
from ganbench.study.engines.local import LocalProcesses, WorkerDied, parse_jobs


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


def test_an_engine_is_used_again_after_it_was_interrupted() -> None:
    engine = LocalProcesses()
    with engine:
        answers_ = engine.run(sleep, [0.01, 300.0], 2)
        next(answers_)
        answers_.close()
        assert dict(engine.run(square, [3])) == {3: 9}
    with engine:
        assert dict(engine.run(square, [4])) == {4: 16}


def test_blocks_within_blocks_keep_the_workers() -> None:
    with LocalProcesses() as engine:
        ((_, first),) = engine.run(pid, [0])
        with engine:
            ((_, second),) = engine.run(pid, [0])
        ((_, third),) = engine.run(pid, [0])
    assert first == second == third


def test_without_a_block_nothing_stays() -> None:
    ((_, worker),) = LocalProcesses().run(pid, [0])
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_a_worker_that_dies_while_idle_costs_no_job() -> None:
    with LocalProcesses() as engine:
        ((_, worker),) = engine.run(pid, [0])
        os.kill(worker, signal.SIGKILL)
        time.sleep(1)
        assert dict(engine.run(square, [5])) == {5: 25}


class Own(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def own(_: int) -> int:
    raise Own("a", "reason")


def test_an_exception_that_does_not_travel_is_told_by_its_text() -> None:
    with LocalProcesses() as engine:
        ((_, error),) = engine.run(own, [0])
    assert isinstance(error, RuntimeError)
    assert re.fullmatch(r"Own: a reason \(test_local\.py, line \d+\)", str(error))


def half_written(path: str) -> None:
    with open(path, "w") as file:
        try:
            file.write("half")
            file.flush()
            time.sleep(300)
        finally:
            os.remove(path)


def test_a_worker_that_is_ended_removes_what_it_has_half_written(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    with LocalProcesses() as engine:
        running = ThreadPoolExecutor(1).submit(lambda: list(engine.run(half_written, [str(draft)])))
        while not draft.exists():
            time.sleep(0.05)
    running.exception(timeout=60)
    assert not draft.exists()


def test_all_jobs_are_answered() -> None:
    assert answers(square, [1, 2, 3, 4]) == {1: 1, 2: 4, 3: 9, 4: 16}


def test_errors_and_deaths_stay_with_their_job() -> None:
    found = answers(misbehave, [0, 1, 2, 3, 4])
    assert [found[n] for n in (0, 3, 4)] == [0, 3, 4]
    assert isinstance(found[1], ValueError)
    assert isinstance(found[2], WorkerDied)
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
    from ganbench.study.engines.local import Engine

    engine: Engine = LocalProcesses()
    run: Callable = engine.run
    assert callable(run)


def bring(job: tuple[str, str]) -> tuple[int, bool, set[str]]:
    """Import a module of the owner's, patch, move; tell what is seen of others."""
    from ganbench.core import cache

    owner, place = job
    seen = {name for name in sys.modules if name.startswith("guest_")}
    if owner:
        sys.modules[f"guest_{owner}"] = sys
    os.chdir(place)
    return os.getpid(), not cache._writes, seen


def whose(job: tuple[str, str]) -> str:
    return job[0]


def test_no_job_of_one_owner_sees_a_module_of_anothers(tmp_path: Path) -> None:
    owners = ["", "a", "b", "", "a", "a", "b", ""]
    jobs = [(owner, str(tmp_path)) for owner in owners]
    found: list[tuple[str, tuple[int, bool, set[str]]]] = []
    with LocalProcesses() as engine:
        for number, job in enumerate(jobs):
            # one by one as planning does, and in one run as trials do
            batch = [job] if number < 4 else jobs[number:]
            found += [(j[0], answer) for j, answer in engine.run(bring, batch, 2, whose)]
            if number == 4:
                break
    assert len(found) == len(jobs)
    processes: dict[int, set[str]] = {}
    for owner, (process, read_only, seen) in found:
        processes.setdefault(process, set()).add(owner)
        assert seen <= {f"guest_{owner}"}
        assert read_only == bool(owner), "guests write nothing into the shared cache"
    assert all(len(of) == 1 for of in processes.values())
    assert len([of for of in processes.values() if of == {""}]) <= 2


def test_workers_are_used_again_by_their_owner_and_idle_guests_make_room() -> None:
    with LocalProcesses() as engine:
        pids = {}
        for owner in ("", "a", "a", "b", ""):
            ((_, (process, _, _)),) = engine.run(bring, [(owner, ".")], 1, whose)
            pids.setdefault(owner, []).append(process)
        assert len(set(pids[""])) == len(set(pids["a"])) == 1
        with pytest.raises(ProcessLookupError):
            os.kill(pids["a"][0], 0)


def where(_: int) -> str:
    return os.getcwd()


def wander(_: int) -> None:
    os.chdir("/")


def test_a_job_starts_in_the_directory_that_its_worker_was_started_in() -> None:
    with LocalProcesses() as engine:
        list(engine.run(wander, [0]))
        assert dict(engine.run(where, [0])) == {0: os.getcwd()}
