"""`ganbench time`: what is counted, that shares and rates agree, and rows for what cannot run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench.core.errors import Diverged, UserError
from ganbench.data.dataset import Dataset
from ganbench.study.engines.local import WorkerDied
from ganbench.timing import measure as measuring
from ganbench.timing import peaks, profiler, time_variants, timed_trainers
from ganbench.timing.measure import Job, Row, measure
from ganbench.timing.operators import OperatorCounter
from ganbench.timing.profiler import Profile
from ganbench.timing.sections import PARTS, SectionClock, shares
from ganbench.timing.timed_trainers import TimedTrainer, interleave
from ganbench.train.execution_modes import Execution

SMALL = peaks.Sizes(matmul=64, batch=2, channels=8, side=8, copy=1 << 16)
SELDOM = """
from dataclasses import replace
from ganbench.variants.vanilla import Vanilla

class Seldom(Vanilla):
    def updates(self):
        discriminator, generator = super().updates()
        return [discriminator, replace(generator, every=2)]
"""


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(timed_trainers, "SECONDS", 0.05)
    monkeypatch.setattr(timed_trainers, "WARM_UP", 5)
    monkeypatch.setattr(measuring, "FURTHER_SECONDS", 0.0)
    monkeypatch.setattr(peaks, "SECONDS", 0.0)
    monkeypatch.setattr(peaks, "CPU", SMALL)
    peaks.peaks.cache_clear()
    yield
    peaks.peaks.cache_clear()


def jobs(*specs: str, modes: str = "eager", precisions: str = "auto", **more: Any) -> list[Job]:
    given: dict[str, Any] = {
        "dataset": "digits",
        "batch_sizes": [None],
        "precisions": time_variants.parse_precisions(precisions, "cpu"),
        "modes": time_variants.parse_modes(modes, "cpu"),
        "device": "cpu",
        "threads": 1,
        "data_root": None,
    }
    return time_variants.jobs_of(specs, **(given | more))


def counted(run: Any) -> tuple[int, int, int]:
    with OperatorCounter() as counter:
        run()
    return counter.operators, counter.bytes, counter.total


def test_operators_and_what_they_move() -> None:
    a, b = torch.ones(10, 20), torch.ones(20, 30)
    assert counted(lambda: a @ b) == (1, 4 * (200 + 600 + 300), 2 * 10 * 20 * 30)
    assert counted(lambda: a + a) == (1, 4 * 600, 0)
    assert counted(lambda: a.t()[1:3]) == (2, 0, 0)  # views
    assert counted(lambda: a.add_(1)) == (1, 4 * 400, 0)  # read and written
    assert counted(lambda: a.zero_()) == (1, 4 * 200, 0)
    assert counted(lambda: torch.empty(50)) == (1, 0, 0)
    rows = torch.tensor([1, 2])
    assert counted(lambda: a[rows]) == (1, 4 * 80 + 16, 0)  # two rows, not the whole of it
    other = torch.zeros(10, 20)
    assert counted(lambda: other.copy_(a)) == (1, 4 * 400, 0)


def test_backward_is_counted() -> None:
    weight = torch.ones(20, 30, requires_grad=True)
    _, _, flops = counted(lambda: (torch.ones(10, 20) @ weight).sum().backward())
    assert flops == 2 * (2 * 10 * 20 * 30)  # the input needs no gradient


def test_sections_count_for_themselves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 10.0, 20.0, 21.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    clock = SectionClock()
    with clock("update discriminator"), clock("data"):
        pass
    with clock("optimizer"):
        pass
    assert clock.seconds == {"data": 2.0, "update discriminator": 8.0, "optimizer": 1.0}
    found = shares({**clock.seconds, "update information": 4.0}, 20.0)
    assert found == pytest.approx(dict(zip(PARTS, (0.4, 0.0, 0.2, 0.1, 0.05, 0.25), strict=True)))


def complete(cat: str, name: str, ts: float, dur: float, **args: Any) -> dict[str, Any]:
    return {"ph": "X", "cat": cat, "name": name, "ts": ts, "dur": dur, "tid": 1, "args": args}


def test_a_profile_of_a_gpu() -> None:
    events = [
        {"ph": "M", "name": "process_name"},
        complete("user_annotation", "round", 0, 100),
        complete("user_annotation", "update discriminator", 0, 50),
        complete("user_annotation", "data", 10, 10),
        complete("user_annotation", "optimizer", 60, 10),
        complete("user_annotation", "round", 200, 50),
        complete("cpu_op", "aten::linear", 30, 8),
        complete("cpu_op", "aten::addmm", 31, 5),
        complete("cpu_op", "autograd::engine::evaluate_function: X", 40, 10),
        complete("cuda_runtime", "cudaLaunchKernel", 12, 1, correlation=1),
        complete("cuda_runtime", "cudaMemcpyAsync", 15, 1, correlation=2),
        complete("cuda_driver", "cuLaunchKernelEx", 25, 1, correlation=3) | {"tid": 2},
        complete("cuda_runtime", "cudaLaunchKernel", 65, 1, correlation=4),
        complete("cuda_runtime", "cudaGraphLaunch", 210, 1, correlation=5),
        complete("kernel", "k", 1000, 10, correlation=1),
        complete("gpu_memcpy", "Memcpy", 1020, 5, correlation=2),
        complete("kernel", "k", 1030, 20, correlation=3),
        complete("kernel", "k", 1040, 20, correlation=4),  # 10 of them beside the one before
        complete("kernel", "k", 1100, 7, correlation=5),
        complete("kernel", "k", 1110, 7, correlation=5),
        complete("gpu_user_annotation", "round", 1000, 100),
    ]
    assert profiler.read(events) == Profile(
        rounds=2,
        kernels=5,
        copies=1,
        launches=4,
        busy_ms=pytest.approx(0.059),
        device_ms=pytest.approx(0.069),
        wall_ms=pytest.approx(0.150),
        operators_ms=pytest.approx(0.008),
        sections_ms={
            "data": pytest.approx(0.015),
            "update discriminator": pytest.approx(0.020),
            "optimizer": pytest.approx(0.020),
        },
    )


@pytest.mark.parametrize("precision", ["strict", "bf16"])
def test_peaks_are_measured(precision: Any) -> None:
    found = peaks.measure(torch.device("cpu"), precision, SMALL)
    assert min(found.matmul_tflops, found.convolution_tflops, found.copy_gb_per_second) > 0


def check(row: Row, batch: int = 64) -> None:
    assert row.reason is None
    assert 0 < row.ms_per_round_p10 <= row.ms_per_round <= row.ms_per_round_p90
    assert row.images_per_second / row.rounds_per_second == pytest.approx(batch)
    assert row.tflops_per_second == pytest.approx(
        row.flops_per_round * row.rounds_per_second / 1e12
    )
    assert min(row.peak_matmul_tflops, row.peak_convolution_tflops) > 0
    assert row.gb_per_second == pytest.approx(row.bytes_per_round * row.rounds_per_second / 1e9)
    assert tuple(row.shares) == PARTS
    assert sum(row.shares.values()) == pytest.approx(1)
    assert all(-1e-9 <= share <= 1 for share in row.shares.values())
    assert row.host_ms_per_round + row.device_ms_per_round == pytest.approx(row.ms_per_round)
    assert row.bound == ("host" if row.busy_share < 0.5 else "device")
    assert len(row.speed_ups) == timed_trainers.BLOCKS
    assert row.speed_up_over_eager == pytest.approx(
        torch.tensor(row.speed_ups, dtype=torch.float64).quantile(0.5).item()
    )
    assert json.loads(json.dumps(asdict(row), allow_nan=False)) == asdict(row)


def test_modes_of_one_variant(tmp_path: Path) -> None:
    (job,) = jobs("infogan:information=separate", modes="graph,reference,eager")
    trace = tmp_path / "trace.json"
    graph, reference, eager = measure(replace(job, trace=trace))
    assert graph.reason == "mode graph: CUDA graphs need a GPU, not cpu"
    assert graph.ms_per_round is None
    check(reference)
    check(eager)
    assert set(eager.speed_ups) == {1.0}
    assert eager.shares["other_updates"] > 0
    assert (eager.peak_memory_mb or 0) > 100
    assert reference.peak_memory_mb is None
    assert reference.bytes_per_round > eager.bytes_per_round  # upsampled images are written
    assert eager.kernels_per_round is None
    assert eager.operators_per_round > 100
    events = json.loads(trace.read_text("utf-8"))["traceEvents"]
    names = {event.get("name") for event in events}
    assert {"round", "update discriminator", "data", "optimizer", "aten::addmm"} <= names


def test_bf16_and_batch_sizes() -> None:
    found = jobs("vanilla", precisions="tf32,strict,bf16", batch_sizes=[32, 64])
    assert [(job.trial.config.batch_size, job.precision) for job in found] == [
        (32, "strict"),
        (32, "bf16"),
        (64, "strict"),
        (64, "bf16"),
    ]
    assert [job.shown_precision for job in found[:2]] == ["float32", "bf16"]
    (row,) = measure(found[1])
    check(row, batch=32)


def test_updates_that_are_seldom_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seldom.py").write_text(SELDOM)
    seldom, often = (measure(job)[0] for job in jobs("./seldom.py", "vanilla"))
    check(seldom)
    assert seldom.rounds % 2 == 0
    generator = 2 * (often.flops_per_round - seldom.flops_per_round)
    assert 0.3 < generator / often.flops_per_round < 0.7  # half of it was left out


def test_rounds_that_cannot_be_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def side_stream(self) -> Any:
            return nullcontext()

        def capture(self, play: Any) -> Any:
            raise RuntimeError("a loss is read\nand more")

    monkeypatch.setattr(Execution, "on", lambda self, device: self)  # a graph on a CPU
    monkeypatch.setattr("ganbench.train.trainer.CudaRecorder", lambda *_: Refuses())
    (job,) = jobs("vanilla", modes="graph,eager")
    graph, eager = measure(job)
    assert graph.reason == "rounds cannot be captured: RuntimeError: a loss is read"
    assert graph.ms_per_round is None
    check(eager)


class Fake:
    """A contender whose rounds last as long as they are told to."""

    cycle = 1
    expected_ms = 1e9

    def __init__(self, mode: str, ms: Sequence[float], log: list[str]) -> None:
        self.mode, self.ms, self.log = mode, iter(ms), log
        self.blocks: list[list[float]] = []

    def whole_cycles(self, rounds: float) -> int:
        return 1

    def time_block(self, rounds: int) -> None:
        self.log.append(self.mode)
        try:
            self.blocks.append([next(self.ms)])
        except StopIteration:
            raise Diverged("loss became nan") from None


def test_ratios_are_paired_and_who_diverges_is_left_out() -> None:
    log: list[str] = []
    drift = [2.0**n for n in range(10)]  # a machine that becomes slower and slower
    one = Fake("eager", drift, log)
    two = Fake("reference", [ms / 3 for ms in drift], log)
    three = Fake("compile", [1.0], log)
    assert interleave([one, two, three]) == {"compile": "loss became nan"}  # type: ignore[list-item]
    assert timed_trainers.speed_ups(one, two) == pytest.approx([3.0] * 10)  # type: ignore[arg-type]
    assert log[:6] == ["eager", "reference", "compile", "reference", "compile", "eager"]
    assert log.count("compile") == 2


def test_on_a_gpu_the_profile_says_what_runs(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = jobs("vanilla")
    one = TimedTrainer(job.trial, digits, "eager", "strict")
    row = Row("vanilla", {}, "digits", "cuda", 1, 64, "tf32", "eager", ms_per_round=2.0)
    seen = Profile(4, 400, 20, 420, 4.0, 5.0, 9.0, 0.0, {"optimizer": 2.0})
    monkeypatch.setattr(profiler, "profile_rounds", lambda *_: seen)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)
    measuring._looked_into(row, one, one, None)
    assert (row.kernels_per_round, row.copies_per_round, row.launches_per_round) == (100, 5, 105)
    assert (row.device_ms_per_round, row.busy_share) == (1.0, 0.5)
    assert row.host_ms_per_round > 0
    assert (row.shares["optimizer"], row.shares["rest"]) == pytest.approx((0.4, 0.6))


def test_rows_in_order_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    class Engine:
        def __init__(self, threads: int = 1) -> None:
            assert threads == 1

        def __enter__(self) -> Engine:
            return self

        def __exit__(self, *reason: object) -> None: ...

        def run(
            self, function: Any, given: Sequence[Any], width: int, owner: Any
        ) -> Iterator[tuple[Any, Any]]:
            for job in given:
                assert owner(job) == ""
                if function is not time_variants.measure:  # planning
                    yield job, function(job)
                elif job.trial.config.batch_size == 32:
                    yield job, WorkerDied("its process ended without an answer")
                else:
                    yield job, time_variants.rows_of(job)

    monkeypatch.setattr(time_variants, "LocalProcesses", Engine)
    told: list[str] = []
    rows = time_variants.time_variants(
        ["vanilla", "dcgan"], batch_size="32,64", mode="eager,reference", tell=told.append
    )
    assert [(row.variant, row.batch_size, row.mode) for row in rows] == [
        (name, size, mode)
        for name in ("vanilla", "dcgan")
        for size in (32, 64)
        for mode in ("eager", "reference")
    ]
    lost = "its process ended without an answer"
    assert [row.reason for row in rows] == [lost, lost, None, None] * 2
    assert told[0] == "timing vanilla, batch 32, float32"


def test_shares_of_the_best_peak_of_a_precision() -> None:
    def row(precision: str, matmul: float, convolution: float, copy: float) -> Row:
        row = Row("vanilla", {}, "digits", "cpu", 1, 64, precision, "eager", tflops_per_second=1.0)
        row.peak_matmul_tflops, row.peak_convolution_tflops = matmul, convolution
        row.copy_gb_per_second = copy
        return row

    refused = Row("vanilla", {}, "digits", "cpu", 1, 64, "bf16", "graph", reason="no")
    one, two, bf16 = row("float32", 2, 3, 9), row("float32", 4, 1, 7), row("bf16", 8, 10, 8)
    time_variants.compare_with_best_peaks([one, refused, two, bf16])
    assert [r.share_of_peak for r in (one, two, bf16, refused)] == [0.25, 0.25, 0.1, None]
    for each in (one, two):
        assert (each.peak_matmul_tflops, each.peak_convolution_tflops) == (4, 3)
        assert each.copy_gb_per_second == 9


def test_processes() -> None:
    found = jobs("vanilla", "dcgan", batch_sizes=[32, 64])
    assert time_variants.in_processes(found) == [[0], [1], [2], [3]]
    gpu = {"device": "cuda"}
    found = [
        replace(job, trial=replace(job.trial, config=job.trial.config.model_copy(update=gpu)))
        for job in found
    ]
    assert time_variants.in_processes(found) == [[0, 1], [2, 3]]


def test_options() -> None:
    assert time_variants.parse_sizes(None) == [None]
    assert time_variants.parse_sizes("64,128,64") == [64, 128]
    assert time_variants.parse_modes("auto", "cpu") == ["eager"]
    assert time_variants.parse_modes("auto", "cuda:1") == ["eager", "graph"]
    assert time_variants.parse_modes("compile,auto,eager", "cpu") == ["compile", "eager"]
    assert time_variants.parse_precisions("auto", "cuda") == ["tf32"]
    assert time_variants.parse_precisions("tf32,strict,bf16", "cpu") == ["strict", "bf16"]
    for wrong in ("", "64,", "6.5"):
        with pytest.raises(UserError, match="give whole numbers"):
            time_variants.parse_sizes(wrong)


def test_one_line_reasons() -> None:
    assert measuring.reason_of(UserError("no such data")) == "no such data"
    assert measuring.reason_of(RuntimeError("out of memory\nTried to")) == (
        "RuntimeError: out of memory"
    )
    assert measuring.reason_of(ValueError()) == "ValueError: no message"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_a_gpu(tmp_path: Path) -> None:
    (job,) = jobs("infogan", device="cuda", modes="eager,graph", precisions="strict")
    trace = tmp_path / "trace.json"
    eager, graph = measure(replace(job, precision="tf32", trace=trace))
    for row in (eager, graph):
        assert row.reason is None
        assert row.kernels_per_round > 50
        assert 0 < row.busy_share < 1.2
        assert sum(row.shares.values()) == pytest.approx(1)
        assert row.peak_memory_mb > 1
    assert graph.launches_per_round < eager.launches_per_round / 10
    assert "kernel" in {e.get("cat") for e in json.loads(trace.read_text())["traceEvents"]}
